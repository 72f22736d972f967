"""Findings as text with the line they are about, as JSON, and as annotations of a GitHub job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.findings import Finding, Severity
from mlgitops.core.marks import Mark
from mlgitops.core.secrets import masked
from mlgitops.report.tables import Paint, Style, plain, width

_STYLES: Final[dict[Severity, Style]] = {"error": "bad", "warning": "warn", "unknown": "dim"}
_LEVELS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "unknown": "notice"}
_WORDS: Final[dict[Severity, tuple[str, str]]] = {
    "error": ("error", "errors"),
    "warning": ("warning", "warnings"),
    "unknown": ("unknown", "unknown"),
}
# A line is shown around its mark; a minified file is one line of a megabyte.
_WINDOW: Final = 100


def text(
    findings: Sequence[Finding], read: Callable[[str], bytes | None], paint: Paint = plain
) -> str:
    """Return the findings for a person, each with its line and a caret; ``read`` gives a file."""
    lines = _Lines(read)
    parts = [line for finding in findings for line in _block(finding, lines, paint)]
    parts.append(summary(findings))
    return "\n".join(parts)


def summary(findings: Sequence[Finding]) -> str:
    """Return one line: how many of each severity in how many files."""
    if not findings:
        return "nothing is wrong"
    counted = Counter(finding.severity for finding in findings)
    words = [f"{number} {_WORDS[one][number > 1]}" for one in _WORDS if (number := counted[one])]
    files = len({finding.at.path for finding in findings})
    where = "1 file" if files == 1 else f"{files} files"
    return f"{', '.join(words)} in {where}; docs/rules/ has a page for each [rule]"


def to_json(findings: Iterable[Finding]) -> dict[str, JSON]:
    """Return the form of ``validate --format json``."""
    return {"findings": [{**f.to_json(), "docs": f"docs/rules/{f.rule}.md"} for f in findings]}


def github(findings: Iterable[Finding]) -> str:
    """Return workflow commands that mark the findings in a pull request's files."""
    return "\n".join(_annotation(finding) for finding in findings)


class _Lines:
    """The lines of the files that findings are about; each file is read once."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._files: dict[str, list[str]] = {}

    def at(self, mark: Mark) -> str | None:
        if mark.path not in self._files:
            data = self._read(mark.path) or b""
            self._files[mark.path] = data.decode("utf-8-sig", "replace").split("\n")
        lines = self._files[mark.path]
        line = lines[mark.line - 1].rstrip("\r") if mark.line <= len(lines) else ""
        return line if line.strip() else None


def _block(finding: Finding, lines: _Lines, paint: Paint) -> Iterator[str]:
    label = paint(f"{finding.severity}[{finding.rule}]", _STYLES[finding.severity])
    yield f"{paint(_visible(str(finding.at)), 'bold')}: {label}: {_visible(finding.message)}"
    line = lines.at(finding.at)
    if line is not None:
        source, before, marked = _window(line, finding.at)
        number = str(finding.at.line)
        yield f"  {paint(f'{number} |', 'dim')} {source}"
        carets = paint("^" * max(1, width(marked)), _STYLES[finding.severity])
        yield f"  {paint(' ' * len(number) + ' |', 'dim')} {' ' * width(before)}{carets}"
    if finding.hint:
        yield f"  hint: {_visible(finding.hint)}"


def _window(line: str, mark: Mark) -> tuple[str, str, str]:
    """Return the part of the line to show, what is before the mark in it, and what is marked."""
    line = _visible(masked(line))
    start = min(mark.column - 1, len(line))
    first = max(0, start - _WINDOW // 2) if len(line) > _WINDOW else 0
    last = first + _WINDOW
    head, tail = "…" if first else "", "…" if last < len(line) else ""
    before = head + line[first:start]
    return head + line[first:last] + tail, before, line[start : min(start + mark.length, last)]


def _visible(text: str) -> str:
    """Return the text without characters that move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() or c == " " else "·" for c in text)


def _annotation(finding: Finding) -> str:
    at = finding.at
    fields = {"file": at.path, "line": str(at.line), "col": str(at.column)}
    if at.length > 1:
        fields |= {"endLine": str(at.line), "endColumn": str(at.column + at.length)}
    fields["title"] = finding.rule
    given = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in fields.items())
    message = finding.message + (f"\nhint: {finding.hint}" if finding.hint else "")
    return f"::{_LEVELS[finding.severity]} {given}::{_escaped(message, '')}"


def _escaped(value: str, more: str) -> str:
    value = value.encode("utf-8", "replace").decode()
    for character in ("%", "\r", "\n", *more):
        value = value.replace(character, f"%{ord(character):02X}")
    return value
