"""Findings as annotations of a GitHub job, and as the summary page of its step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mlgitops.core.findings import Finding, Severity
from mlgitops.core.markdown import inert
from mlgitops.report.findings import summary

_LEVELS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "unknown": "notice"}
_ORDER: Final[dict[Severity, int]] = {"error": 0, "warning": 1, "unknown": 2}
# A page of a step may have a megabyte; nobody reads more rows than these.
_ROWS: Final = 300


def commands(findings: Iterable[Finding]) -> str:
    """Return workflow commands that mark the findings in a pull request's files.

    Errors come first: GitHub shows ten annotations of a level for each step.
    """
    ordered = sorted(findings, key=lambda finding: _ORDER[finding.severity])
    return "".join(_annotation(finding) + "\n" for finding in ordered)


def page(findings: Sequence[Finding]) -> str:
    """Return the Markdown page of the step, with every finding; '' when there is none."""
    if not findings:
        return ""
    ordered = sorted(findings, key=lambda finding: _ORDER[finding.severity])
    rows = [_row(finding) for finding in ordered[:_ROWS]]
    if len(ordered) > _ROWS:
        rows.append(f"| | and {len(ordered) - _ROWS} more | |")
    count, *more = summary(findings).splitlines()
    table = ["| where | what | next |", "|---|---|---|", *rows]
    said = [line for one in more for line in ("", inert(one))]
    return "\n".join((f"### mlgitops validate: {count}", "", *table, *said, ""))


def _row(finding: Finding) -> str:
    what = f"{finding.severity}[{finding.rule}]: {finding.message}"
    cells = (str(finding.at), what, finding.hint or "")
    return "| " + " | ".join(inert(_text(cell)) for cell in cells) + " |"


def _annotation(finding: Finding) -> str:
    at = finding.at
    fields = {"file": at.path, "line": str(at.line), "col": str(at.column)}
    if at.length > 1:
        fields |= {"endLine": str(at.line), "endColumn": str(at.column + at.length)}
    fields["title"] = finding.rule
    given = ",".join(f"{name}={escaped(value, ':,')}" for name, value in fields.items())
    said = [finding.message, *(f"{place}: {what}" for place, what in finding.related)]
    said += [f"hint: {finding.hint}"] if finding.hint else []
    message = escaped("\n".join(said), "")
    return f"::{_LEVELS[finding.severity]} {given}::{message}"


def escaped(value: str, more: str) -> str:
    """Return a value of a workflow command; ``more``: letters that end it where it stands."""
    value = _text(value)
    for character in ("%", "\r", "\n", *more):
        value = value.replace(character, f"%{ord(character):02X}")
    return value


def _text(value: str) -> str:
    """Return what can be written as UTF-8: a name of a file may be any bytes."""
    return value.encode("utf-8", "replace").decode()
