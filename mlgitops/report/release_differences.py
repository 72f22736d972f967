"""What differs between two releases, for people: text and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from mlgitops.core.digests import JSON
from mlgitops.core.markdown import inert
from mlgitops.core.release_differences import Change, ReleaseDifference


def text(found: ReleaseDifference) -> str:
    """Return the page for a terminal."""
    lines = [f"{found.old} → {found.new}"]
    if found.same_identity:
        lines.append("  the same model: same bytes, same data, same steps")
    lines.append(f"  {found.why}")
    lines += [f"  breaks callers: {reason}" for reason in found.breaks]
    lines += [f"  for callers: {one}" for one in found.callers]
    for topic, changes in groupby(found.changes, key=lambda one: one.topic):
        listed = list(changes)
        wide = max(len(one.name) for one in listed)
        lines += ["", topic]
        for one in listed:
            lines.append(f"  {one.name:{wide}}  {_value(one.old)} → {_value(one.new)}")
            lines += [f"  {'':{wide}}  {one.note}"] if one.note else []
    if found.commits:
        lines += ["", "commits", *(f"  {one}" for one in found.commits)]
    lines += [""] if found.notes else []
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join(lines)


def markdown(found: ReleaseDifference) -> str:
    """Return the page for a pull request."""
    lines = [f"### {inert(found.old)} → {inert(found.new)}", ""]
    if found.same_identity:
        lines += ["The same model: same bytes, same data, same steps.", ""]
    lines.append(f"- {inert(found.why)}")
    lines += [f"- **breaks callers**: {inert(reason)}" for reason in found.breaks]
    lines += [f"- for callers: {inert(one)}" for one in found.callers]
    if found.changes:
        lines += ["", "| what | | before | after | |", "|---|---|---|---|---|"]
        lines += [_row(one) for one in found.changes]
    if found.commits:
        lines += ["", *(f"- {inert(one)}" for one in found.commits)]
    lines += ["", *(f"_{inert(note)}_" for note in found.notes)] if found.notes else []
    return "\n".join(lines).strip()


def _row(one: Change) -> str:
    cells = (one.topic, one.name, _value(one.old), _value(one.new), one.note)
    return f"| {' | '.join(inert(cell) for cell in cells)} |"


def _value(value: JSON) -> str:
    match value:
        case None:
            return "–"
        case {"value": float() | int() as middle, "low": low, "high": high}:
            return f"{middle:.4g} [{_number(low)}, {_number(high)}]"
        case bool():
            return str(value).lower()
        case int():
            return f"{value:,}"
        case list():
            return ", ".join(_value(one) for one in value) or "none"
        case Mapping():
            return ", ".join(f"{key}: {_value(one)}" for key, one in value.items())
        case _:
            return str(value)


def _number(value: JSON) -> str:
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)
