"""Golden rows: evaluation rows and adversarial ones with the estimator's own answers, checked at
every load.

They travel with the release, so that a runtime which answers otherwise never becomes ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, cast

import numpy as np

from mlgitops.core.digests import JSON
from mlgitops.core.signatures import Signature
from mlgitops.core.tasks import ANSWERS
from mlgitops.ml.columns import Numbers, Strings, column
from mlgitops.ml.labels import Floats, Mask, Scores, labels_of

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.adversarial import Rows

MOST_ROWS = 32
MOST_ODD = 24
# Made where the last bit of some arithmetic decides, or where float32 has few digits left: another
# machine may answer otherwise, and is not wrong.
_DELICATE = frozenset({"jump", "boundary", "far out"})
# Far above what the order of a sum changes, far below what the rule for labels looks at.
_NOISE = 2e-6
_BY_SCORE = 8
_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """Adversarial rows with the estimator's answers; ``same``: where the ONNX gives them too."""

    rows: Rows
    expected: Scores
    same: Mask


def golden(
    frame: pd.DataFrame,
    signature: Signature,
    expected: Scores,
    onnx: Scores | None = None,
    odd: Odd | None = None,
) -> dict[str, JSON]:
    """Return at most 56 rows: ``{"inputs": {column: [...]}, "outputs": {name: [...]}}``.

    ``expected``: what the estimator answers for ``frame``. The rows spread over the answers and
    hold each column's extremes, a missing value and each category while there is room; which ones
    depends on the values alone. Numbers are exact in float32, a missing one is null.
    ``onnx``: what the model answers; rows whose label it decides otherwise are left out, because a
    spec may allow some. ``odd``: at most 24 of these are put behind the others, each kind in turn;
    none whose answer hangs on the last bit.
    """
    columns = {field.name: column(frame, field) for field in signature.inputs}
    usable = np.ones(len(expected), dtype=bool)
    ours = expected.labels()
    theirs = onnx.labels() if onnx is not None else None
    if ours is not None and theirs is not None:
        usable &= (ours == theirs).reshape(len(usable), -1).all(axis=1)
    rows = _choose(columns, expected, usable)
    chosen = expected.take(rows)
    inputs: dict[str, JSON] = {name: _plain(values[rows]) for name, values in columns.items()}
    if odd is not None:
        more = _odd(odd, float(np.abs(expected.values).max(initial=0.0)))
        for field in signature.inputs:
            values = column(odd.rows.frame.iloc[more], field)
            inputs[field.name] = [*cast("list[JSON]", inputs[field.name]), *_plain(values)]
        both = np.concatenate([chosen.values, odd.expected.take(more).values])
        chosen = Scores(task=chosen.task, values=both)
    outputs: dict[str, JSON] = {}
    labels = chosen.labels()
    if labels is not None and signature.answer.labelled:
        outputs["label"] = [signature.classes[code] for code in labels]
    outputs[signature.answer.number] = _rounded(chosen.values)
    return {"inputs": inputs, "outputs": outputs}


def _choose(
    columns: dict[str, Numbers | Strings], expected: Scores, usable: Mask
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    allowed = np.flatnonzero(usable)
    answer = expected.values if expected.values.ndim == 1 else expected.values.max(axis=1)
    by_answer = allowed[np.argsort(answer[allowed], kind="stable")]
    picked = dict.fromkeys(_spread(by_answer, _BY_SCORE))
    # Column by column in turns, so that a column with many categories does not take all the room.
    turns = zip_longest(*(_telling(values, allowed) for values in columns.values()))
    for turn in turns:
        for row in turn:
            if row is not None and len(picked) < MOST_ROWS:
                picked[row] = None
    for row in _spread(by_answer, MOST_ROWS):
        if len(picked) < MOST_ROWS:
            picked[row] = None
    return np.array(sorted(picked), dtype=np.int64)


def _spread(rows: np.ndarray[tuple[int], np.dtype[np.int64]], count: int) -> list[int]:
    """Return ``count`` of ``rows`` at even distances, the first and the last among them."""
    if len(rows) == 0:
        return []
    return [int(rows[at]) for at in np.linspace(0, len(rows) - 1, count).round().astype(int)]


def _telling(
    values: Numbers | Strings, allowed: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Iterator[int]:
    """Yield the rows of a column's extremes and gaps, or the first row of each category."""
    some = values[allowed]
    if some.dtype == object:
        seen: dict[str, int] = {}
        for row, text in zip(allowed.tolist(), some.tolist(), strict=True):
            seen.setdefault(text, row)
        for text in sorted(seen):
            yield seen[text]
        return
    missing = np.isnan(some.astype(np.float64))
    if not missing.all():
        yield int(allowed[np.nanargmin(some)])
        yield int(allowed[np.nanargmax(some)])
    if missing.any():
        yield int(allowed[np.flatnonzero(missing)[0]])


def _odd(odd: Odd, top: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the chosen odd rows: one of each kind, then the next of each, while there is room."""
    steady = odd.same & _steady(odd.expected)
    if not odd.expected.chance:
        steady &= (np.abs(odd.expected.values) <= top).reshape(len(steady), -1).all(axis=1)
    by_kind: dict[str, list[int]] = {}
    for row in np.flatnonzero(steady):
        if odd.rows.kinds[row] not in _DELICATE:
            by_kind.setdefault(odd.rows.kinds[row], []).append(int(row))
    # Not the first ones: these are all of the first column.
    spread = [
        [rows[at] for at in dict.fromkeys(np.linspace(0, len(rows) - 1, MOST_ODD).astype(int))]
        for rows in by_kind.values()
    ]
    turns = [row for turn in zip_longest(*spread) for row in turn if row is not None]
    return np.array(sorted(turns[:MOST_ODD]), dtype=np.int64)


def _steady(scores: Scores) -> Mask:
    """Return for each row whether noise of float32 leaves its label as it is."""
    values = scores.values
    rule = ANSWERS[scores.task].rule
    if rule is None:
        return np.ones(len(values), dtype=bool)
    if rule == "top":
        best = np.sort(values, axis=1)
        return np.asarray(best[:, -1] - best[:, -2] > 10 * _NOISE, dtype=bool)
    same = labels_of(rule, values + _NOISE) == labels_of(rule, values - _NOISE)
    return np.asarray(same.reshape(len(values), -1).all(axis=1), dtype=bool)


def _plain(values: Numbers | Strings) -> list[JSON]:
    if values.dtype == object:
        return [str(value) for value in values.tolist()]
    return [None if np.isnan(value) else float(value) for value in values.tolist()]


def _rounded(values: Floats) -> JSON:
    """Return numbers with nine significant digits, so that their text is the same everywhere."""
    if values.ndim == 2:
        return [_rounded(row) for row in values]
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]
