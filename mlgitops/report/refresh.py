"""Which snapshot pins moved: as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from mlgitops.core.digests import JSON
from mlgitops.core.specs.environments import Snapshot

Moved: TypeAlias = "tuple[str, Snapshot | None, Snapshot, bool]"


def page(moved: Sequence[Moved]) -> str:
    """Return one line a source; each of ``moved`` is its pin's path, before, after, and if it was
    written."""
    lines = []
    for path, old, new, wrote in moved:
        rows = f"{new.rows:,} rows as of {new.as_of}"
        if not wrote:
            lines.append(f"{path}: the same rows as before, not touched")
        elif old is None:
            lines.append(f"{path}: {rows}; commit it")
        else:
            lines.append(f"{path}: {rows}, before {old.rows:,} as of {old.as_of}; commit it")
    return "\n".join(lines) or "this pipeline has no source with a snapshot"


def to_json(moved: Sequence[Moved]) -> JSON:
    """Return ``{"snapshots": [{"path", "wrote", "old", "new"}]}``."""
    shown: list[JSON] = []
    for path, old, new, wrote in moved:
        before = None if old is None else _pin(old)
        shown.append({"path": path, "wrote": wrote, "old": before, "new": _pin(new)})
    return {"snapshots": shown}


def _pin(pin: Snapshot) -> JSON:
    return {
        "as_of": pin.as_of,
        "rows": pin.rows,
        "digest": pin.digest,
        "content": pin.content,
    }
