"""What ``validate --fix`` did, or would do: as lines, as JSON, and as a diff."""

from __future__ import annotations

from mlgitops.core.digests import JSON
from mlgitops.core.fixes import diff
from mlgitops.flow.fixing import Change, Fixing
from mlgitops.report.tables import Paint, plain


def text(fixing: Fixing, paint: Paint = plain) -> str:
    """Return one line for each fix that was written, and for each file that was not."""
    lines = [
        f"{paint(str(finding.at), 'bold')}: {paint('fixed', 'good')}[{finding.rule}]: "
        f"{finding.fix.title if finding.fix else finding.message}"
        for change in fixing.changes
        for finding in change.fixed
    ]
    lines += [f"{paint(kept.path, 'bold')}: {kept.why}" for kept in fixing.kept]
    return "\n".join(lines)


def to_json(fixing: Fixing) -> dict[str, JSON]:
    """Return what ``--fix --format json`` has beside the findings that are left."""
    return {
        "fixed": [one.to_json() for change in fixing.changes for one in change.fixed],
        "kept": [{"path": _path(kept.path), "why": kept.why} for kept in fixing.kept],
    }


def diffs(fixing: Fixing) -> bytes:
    """Return the unified diff of all changes, as ``git apply`` takes it."""
    return b"".join(_diff(change).encode() for change in fixing.changes)


def count(fixing: Fixing) -> str:
    """Return one line: how much was fixed in how many files."""
    number, files = sum(len(one.fixed) for one in fixing.changes), len(fixing.changes)
    return f"{number} fixed in {'1 file' if files == 1 else f'{files} files'}"


def _diff(change: Change) -> str:
    return diff(_path(change.path), change.before.decode(), change.after.decode())


def _path(path: str) -> str:
    return path.encode("utf-8", "replace").decode()
