"""Findings for a person, each with the lines that it is about, and as JSON for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.findings import Finding, Severity
from mlgitops.report.snippets import Label, Lines, frame, shown
from mlgitops.report.tables import Paint, Style, plain

STYLES: Final[dict[Severity, Style]] = {"error": "bad", "warning": "warn", "unknown": "dim"}
_WORDS: Final[dict[Severity, tuple[str, str]]] = {
    "error": ("error", "errors"),
    "warning": ("warning", "warnings"),
    "unknown": ("unknown", "unknown"),
}
# So many rules are named at the end; who has more begins with the first ones.
_NAMED: Final = 6


def text(
    findings: Sequence[Finding],
    read: Callable[[str], bytes | None],
    paint: Paint = plain,
    *,
    elsewhere: int = 0,
) -> str:
    """Return the findings for a person, each with its line and a caret; ``read`` gives a file.

    ``elsewhere``: how many more there are in files that nobody asked for.
    """
    places = (at for f in findings for at in (f.at, *(at for at, _ in f.related)))
    lines = Lines(read, places)
    blocks = ["\n".join(_block(finding, lines, paint)) for finding in findings]
    return "\n\n".join((*blocks, summary(findings, elsewhere=elsewhere)))


def short(findings: Iterable[Finding], paint: Paint = plain) -> str:
    """Return one line for each finding, and nothing else."""
    return "\n".join(_head(finding, paint) for finding in findings)


def summary(findings: Sequence[Finding], *, elsewhere: int = 0) -> str:
    """Return how many there are of each severity and in how many files, and what to do next."""
    others = f"{elsewhere} more in other files" if elsewhere else ""
    if not findings:
        return f"nothing is wrong here; {others}" if others else "nothing is wrong"
    counted = Counter(finding.severity for finding in findings)
    words = [f"{number} {_WORDS[one][number > 1]}" for one in _WORDS if (number := counted[one])]
    files = len({finding.at.path for finding in findings})
    where = "1 file" if files == 1 else f"{files} files"
    lines = [f"{', '.join(words)} in {where}" + (f"; {others}" if others else "")]
    if fixable := sum(finding.fix is not None for finding in findings):
        lines.append(f"{fixable} can be fixed without a doubt: mlgitops validate --fix")
    lines.append(_explained(sorted({finding.rule for finding in findings})))
    return "\n".join(lines)


def to_json(findings: Iterable[Finding]) -> dict[str, JSON]:
    """Return the form of ``validate --format json``."""
    return {"findings": [finding.to_json() for finding in findings]}


def _explained(rules: Sequence[str]) -> str:
    if len(rules) == 1:
        return f"why, and what to write instead: mlgitops validate --explain {rules[0]}"
    more = ", …" if len(rules) > _NAMED else ""
    named = ", ".join(rules[:_NAMED]) + more
    return f"why, and what to write instead: mlgitops validate --explain RULE ({named})"


def _head(finding: Finding, paint: Paint) -> str:
    label = paint(f"{finding.severity}[{finding.rule}]", STYLES[finding.severity])
    return f"{paint(shown(str(finding.at)), 'bold')}: {label}: {shown(finding.message)}"


def _block(finding: Finding, lines: Lines, paint: Paint) -> Iterator[str]:
    yield _head(finding, paint)
    main = Label(at=finding.at, style=STYLES[finding.severity], main=True)
    beside = [
        Label(at=at, text=said)
        for at, said in finding.related
        if at.path == finding.at.path and lines.at(at) is not None
    ]
    yield from frame([main, *beside], lines, paint)
    for at, said in finding.related:
        if at.path != finding.at.path or lines.at(at) is None:
            yield f"  {paint(shown(str(at)), 'bold')}: {shown(said)}"
            yield from frame([Label(at=at)], lines, paint)
    if finding.fix is not None:
        yield f"  hint: {shown(finding.hint or finding.fix.title)} (--fix does it)"
    elif finding.hint:
        yield f"  hint: {shown(finding.hint)}"
