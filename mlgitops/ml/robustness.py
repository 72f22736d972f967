"""What a model answers to input as the world sends it: gaps, unseen words, values out of range.

The same model and rows give the same figures; a runtime may add up float32 in another order, which
``differs`` allows for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from mlgitops.core.digests import JSON
from mlgitops.core.errors import Refused
from mlgitops.core.signatures import Field, Signature
from mlgitops.ml.columns import column
from mlgitops.ml.labels import Floats, Scores
from mlgitops.ml.scoring import Scorer

if TYPE_CHECKING:
    import pandas as pd

Feeds: TypeAlias = "dict[str, npt.NDArray[Any]]"

MOST_ROWS: Final = 200
HUGE: Final = 1e30
# As far beyond what was seen as ten times its range.
_FAR: Final = 10.0
_TEXT: Final = "twelve"
_NUMBER: Final = 12.0
_UNSEEN: Final = "never seen"
# Other sums of float32, in shares of rows and in parts of a shift.
_ROWS_APART: Final = 2
_PARTS_APART: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of odd input to a column: ``values`` go through the door and to the model.

    ``given``: as people write them. What the model cannot be given is asked of the door only.
    """

    name: str
    given: str
    at_door: Any
    at_model: Any = None


def probe(scorer: Scorer, frame: pd.DataFrame) -> dict[str, JSON]:
    """Return ``{rows, columns: {name: {case: figures}}, together, batch, summary}``.

    ``frame``: evaluation rows, at least one; at most 200 of them at even distances are asked, each
    column made odd by itself, then all at once. A case's figures: ``given``; ``door``: whether
    input of this kind is refused by the signature; and, behind it, what the model itself would do:
    ``changed`` (share of rows with another label, or with a prediction off by more than a standard
    deviation of the answers), ``shift`` (mean absolute), ``not_finite`` (share, NaN or infinite) or
    ``fails`` (the graph refuses to compute it).
    """
    chosen = np.linspace(0, len(frame) - 1, min(len(frame), MOST_ROWS)).round().astype(int)
    rows = frame.iloc[chosen]
    feeds: Feeds = scorer.feeds(rows)
    base = Scores(task=scorer.signature.task, values=scorer.answer(feeds))
    columns: dict[str, JSON] = {}
    for field in scorer.signature.inputs:
        asked: dict[str, JSON] = {}
        for case in cases(field, feeds[field.name]):
            figures: dict[str, JSON] = {"given": case.given, "door": _door(field, case, rows)}
            if case.at_model is not None:
                figures |= _answered(scorer, base, feeds | {field.name: case.at_model})
            asked[case.name] = figures
        columns[field.name] = asked
    return {
        "rows": len(rows),
        "columns": columns,
        "together": _together(scorer, base, feeds),
        "batch": _batch(scorer, base, feeds),
        "summary": _summary(columns),
    }


def cases(field: Field, values: npt.NDArray[Any]) -> Iterator[Case]:
    """Yield what a column is tried with; ``values`` are its usual ones, [n, 1]."""
    if field.kind == "string":
        yield Case(name="missing", given="null", at_door=None)
        yield _same("empty", "", values)
        yield _same("unseen", _unseen(field), values)
        swapped = np.array([[str(one).swapcase()] for one in values[:, 0]], dtype=object)
        yield Case(name="other case", given="aB for Ab", at_door="aB", at_model=swapped)
        blank = np.array([[f"{one} "] for one in values[:, 0]], dtype=object)
        yield Case(name="blank behind", given="'ab ' for 'ab'", at_door="ab ", at_model=blank)
        yield Case(name="number", given=f"{_NUMBER:g}", at_door=_NUMBER)
        return
    yield _same("missing", float("nan"), values)
    low, high = field.low, field.high
    if low is not None and high is not None:
        reach = _FAR * (high - low or abs(high) or 1.0)
        # Beyond float32 there is nothing to be given any more.
        limit = float(np.finfo(np.float32).max)
        yield _same("far above", min(high + reach, limit), values)
        yield _same("far below", max(low - reach, -limit), values)
        if low >= 0:
            yield _same("negative", -1.0, values)
    yield _same("huge", HUGE, values)
    yield Case(name="infinite", given="1e39", at_door=1e39)
    yield Case(name="text", given=repr(_TEXT), at_door=_TEXT)


def _same(name: str, value: float | str, values: npt.NDArray[Any]) -> Case:
    given = repr(value) if isinstance(value, str) else f"{value:.6g}"
    return Case(
        name=name,
        given="null" if value != value else given,
        at_door=value,
        at_model=np.full(values.shape, value, dtype=values.dtype),
    )


def _unseen(field: Field) -> str:
    text = _UNSEEN
    while text in (field.categories or ()):
        text += "!"
    return text


def _door(field: Field, case: Case, rows: pd.DataFrame) -> JSON:
    import pandas as pd

    given = pd.DataFrame({field.name: pd.Series([case.at_door] * len(rows))})
    if case.at_door is None or case.at_door != case.at_door:
        # One value among others: a column without any is of every kind.
        given = rows[[field.name]].reset_index(drop=True)
        given[field.name] = given[field.name].astype(object)
        given.loc[0, field.name] = None
        given[field.name] = given[field.name].infer_objects()
    try:
        column(given, field)
    except Refused:
        return "refused"
    return "accepted"


def _answered(scorer: Scorer, base: Scores, feeds: Mapping[str, Any]) -> dict[str, JSON]:
    try:
        values = scorer.answer(feeds)
    except Refused:
        return {"fails": True}
    wide, before = values.reshape(len(values), -1), base.values.reshape(len(values), -1)
    finite = np.asarray(np.isfinite(wide).all(axis=1))
    gaps = np.abs(wide - before)[finite].max(axis=1) if finite.any() else np.zeros(0)
    now = Scores(task=base.task, values=values[finite]).labels()
    usual = base.take(np.flatnonzero(finite)).labels()
    if now is None or usual is None:
        spread = float(base.values.std())
        moved = gaps > spread if spread > 0 else gaps > 0
    else:
        # Of several labels a row, any counts; no row is left where nothing was finite.
        apart = now != usual
        moved = apart if apart.ndim == 1 else apart.any(axis=1)
    lost = len(values) - int(finite.sum())
    return {
        "changed": _share(int(moved.sum()) + lost, len(values)),
        "shift": _short(float(gaps.mean()) if len(gaps) else 0.0),
        "not_finite": _share(lost, len(values)),
    }


def _together(scorer: Scorer, base: Scores, feeds: Feeds) -> dict[str, JSON]:
    """Ask with every column odd that may be: all that may be missing, and all words unseen."""
    signature = scorer.signature
    gaps = _replaced(signature, feeds, "number", float("nan"), nullable=True)
    words = {
        field.name: np.full(feeds[field.name].shape, _unseen(field), dtype=object)
        for field in signature.inputs
        if field.kind == "string"
    }
    found: dict[str, JSON] = {}
    if gaps:
        found["all that may be missing"] = _answered(scorer, base, feeds | gaps)
    if words:
        found["every word unseen"] = _answered(scorer, base, feeds | words)
    return found


def _replaced(
    signature: Signature, feeds: Feeds, kind: str, value: float, *, nullable: bool
) -> Feeds:
    return {
        field.name: np.full_like(feeds[field.name], value)
        for field in signature.inputs
        if field.kind == kind and field.nullable == nullable
    }


def _batch(scorer: Scorer, base: Scores, feeds: Feeds) -> dict[str, JSON]:
    """Ask for no row, and for each row by itself: an answer must not depend on its neighbours."""
    try:
        none = scorer.answer({name: values[:0] for name, values in feeds.items()})
        empty = "no answers" if len(none) == 0 else f"{len(none)} answers"
    except Refused:
        empty = "fails"
    alone: list[Floats] = []
    try:
        for row in range(len(base)):
            one = {name: values[row : row + 1] for name, values in feeds.items()}
            alone.append(scorer.answer(one))
    except Refused:
        return {"empty": empty, "alone": "fails"}
    # In parts of an answer where it is large: float32 holds seven digits, wherever the point is.
    gaps = np.abs(np.concatenate(alone) - base.values) / np.maximum(np.abs(base.values), 1.0)
    return {"empty": empty, "alone": _short(float(gaps.max(initial=0.0)))}


def _summary(columns: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return how many cases are refused, answered, and answered with what is no number."""
    listed = [
        (name, case, cast("dict[str, Any]", figures))
        for name, asked in columns.items()
        for case, figures in cast("dict[str, JSON]", asked).items()
    ]
    open_ = [one for one in listed if one[2]["door"] == "accepted"]
    worst = max(open_, key=lambda one: one[2].get("changed", 0.0), default=None)
    return {
        "cases": len(listed),
        "refused": len(listed) - len(open_),
        "fails": sum(1 for one in open_ if one[2].get("fails")),
        "not_finite": sum(1 for one in open_ if one[2].get("not_finite", 0.0) > 0),
        "worst": None
        if worst is None or not worst[2].get("changed")
        else {"column": worst[0], "case": worst[1], "changed": worst[2]["changed"]},
    }


def differs(expected: JSON, found: JSON, path: str = "", *, rows: int = MOST_ROWS) -> str | None:
    """Return the first place where recorded figures are not those computed again, or None.

    Shares may be two rows apart and shifts a thousandth: sums of float32 differ by runtime.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            # Which case is worst follows from figures that are looked at themselves.
            if (path, key) != ("/summary", "worst"):
                told = differs(expected.get(key), found.get(key), f"{path}/{key}", rows=rows)
                if told is not None:
                    return told
        return None
    if isinstance(expected, float) and isinstance(found, float):
        share = path.endswith(("/changed", "/not_finite"))
        room = _ROWS_APART / rows if share else _PARTS_APART * abs(expected) + 1e-5
        if abs(expected - found) <= room + 1e-9:
            return None
    elif expected == found and type(expected) is type(found):
        return None
    return f"{path} is {found!r}, and must be {expected!r}"


def _share(count: int, rows: int) -> float:
    return round(count / rows, 4)


def _short(value: float) -> float:
    return float(f"{value:.6g}") if np.isfinite(value) else 0.0
