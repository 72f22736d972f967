"""The diagnoses, one a line, each with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mlgitops.core.diagnoses import Diagnosis, State
from mlgitops.report.tables import Paint, Style, plain, width

_STYLES: Final[dict[State, Style]] = {"ok": "good", "warn": "warn", "fail": "bad"}


def page(diagnoses: Sequence[Diagnosis], paint: Paint = plain) -> str:
    """Return the diagnoses as they were made, and their number at the end."""
    room = max((width(one.name) for one in diagnoses), default=0)
    lines = []
    for one in diagnoses:
        state = paint(one.state, _STYLES[one.state]) + " " * (4 - len(one.state))
        lines.append(f"{state}  {one.name}{' ' * (room - width(one.name))}  {one.detail}")
        if one.hint and one.state != "ok":
            lines.append(f"      {' ' * room}  hint: {one.hint}")
    counts = {state: sum(1 for one in diagnoses if one.state == state) for state in _STYLES}
    lines += ["", f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} broken"]
    return "\n".join(lines)
