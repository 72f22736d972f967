"""The history of a model, as text."""

from __future__ import annotations

from typing import Final

from mlgitops.core.histories import Event, History, Kind
from mlgitops.report.tables import Cell, Paint, Style, plain, table

_STYLES: Final[dict[Kind, Style]] = {
    "released": "bold",
    "promoted": "good",
    "rolled-back": "bad",
    "removed": "bad",
    "held": "warn",
    "unheld": "plain",
    "observed": "plain",
}


def page(history: History, paint: Paint = plain) -> str:
    """Return one line an event, newest first."""
    where = f" in {history.environment}" if history.environment else ""
    lines = [f"{history.model}{where}", ""]
    if history.events:
        header = ("when", "what", "where", "version", "by", "commit", "why")
        lines.append(table(header, [_row(event) for event in history.events], paint))
    else:
        lines.append("nothing has happened yet")
    lines += [paint(f"note: {note}", "warn") for note in history.notes]
    return "\n".join(lines)


def _row(event: Event) -> tuple[Cell, ...]:
    return (
        event.at[:16].replace("T", " "),
        (event.kind, _STYLES[event.kind]),
        event.environment or "",
        _version(event),
        _people(event),
        event.commit[:7] if event.commit else "",
        _why(event),
    )


def _version(event: Event) -> str:
    if event.kind == "removed":
        return event.before or ""
    if event.before and event.version:
        return f"{event.before} → {event.version}"
    return event.version or ""


def _people(event: Event) -> str:
    others = []
    if event.proposed_by and event.proposed_by != event.by:
        others.append(f"proposed by {event.proposed_by}")
    if event.approved_by:
        others.append(f"approved by {', '.join(event.approved_by)}")
    return f"{event.by} ({'; '.join(others)})" if others else event.by


def _why(event: Event) -> str:
    parts = [f"#{event.pull}"] if event.pull is not None else []
    parts += [event.detail] if event.detail else []
    return " · ".join(parts)
