"""Why a step runs or does not, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.explaining import Explanation, Line, Made, to_json
from mlgitops.report.tables import Cell, Paint, plain, table

_TITLES: Final = {
    "kind": "kind",
    "words": "calls",
    "code": "code",
    "params": "param",
    "inputs": "input",
    "outputs": "output",
    "contracts": "contract",
    "lock": "library",
    "python": "Python",
    "env": "variable",
    "as_of": "as of",
}
_DIGEST: Final = len("sha256:") + 64
_LONGEST: Final = 60


def page(explanations: Sequence[Explanation], paint: Paint = plain) -> str:
    """Return what decides about each step, changes first said and then marked."""
    return "\n\n".join("\n".join(_lines(one, paint)) for one in explanations)


def explain_json(explanations: Sequence[Explanation]) -> JSON:
    """Return ``{"steps": […]}`` as ``plan --json`` does, each with its ``parts``."""
    return {"steps": [to_json(one) for one in explanations]}


def _lines(explanation: Explanation, paint: Paint) -> Iterator[str]:
    name = f"{explanation.pipeline}.{explanation.step}"
    runs = explanation.action == "execute"
    action = paint(explanation.action, "warn" if runs else "dim")
    because = "; ".join(explanation.because)
    yield f"{paint(name, 'bold')}: {action}: {because}"
    yield f"key {_short(explanation.key) if explanation.key else 'not known yet'}"
    if explanation.record is not None:
        word = "made" if explanation.action == "reuse" else "compared with the nearest record, made"
        yield f"{word} {_made(explanation.record)}"
    elif runs:
        yield "compared with nothing: no record of this step is here"
    yield ""
    rows = [_row(line) for line in explanation.lines]
    yield table(("", "part", "name", "value", ""), rows, paint)
    yield from (paint(f"note: {note}", "warn") for note in explanation.notes)


def _made(record: Made) -> str:
    where = f" by {record.where}" if record.where else ""
    took = "" if record.wall is None else f" in {record.wall:.1f} s"
    return f"{record.started_at}{took}{where} (key {_short(record.key)})"


def _row(line: Line) -> Sequence[Cell]:
    mark: Cell = ("*", "warn") if line.moved else ""
    value: Cell = _value(line.value)
    if line.moved:
        value = (f"{_value(line.before)} → {_value(line.value)}", "warn")
    return mark, _TITLES[line.part], line.name, value, (line.note, "dim")


def _value(text: str | None) -> str:
    if text is None:
        return "nothing"
    words = " ".join(_short(word) for word in text.split(" "))
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


def _short(word: str) -> str:
    return (
        word[: len("sha256:") + 12] if len(word) == _DIGEST and word.startswith("sha256:") else word
    )
