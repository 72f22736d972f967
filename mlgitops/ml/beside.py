"""The proof on adversarial rows: what differs there, and what is only float32.

Arithmetic in float32 moves a jump that lies behind a scaler or a kernel by some parts of 10^-7: no
conversion can do without. A row is *shifted* when the ONNX answers what the estimator answers a
millionth of the column's reach further, or for the next value that the column holds, and the row's
own value is none of those: of prices in cents, 27.805 is none. It is counted and told, and no
breach. Where trees compare an input as it came in, nothing is computed, and nothing is excused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from mlgitops.core.digests import JSON
from mlgitops.core.signatures import Field, Signature
from mlgitops.ml import jumps
from mlgitops.ml.adversarial import Ask, Rows, adversarial
from mlgitops.ml.columns import column
from mlgitops.ml.labels import DECIMALS, Floats, Mask, Scores
from mlgitops.ml.parity import WORST, Difference, answered, difference, labels_differ
from mlgitops.ml.scoring import Scorer

if TYPE_CHECKING:
    import pandas as pd

_STEP: Final = 1e-6
_MOST_DECIMALS: Final = 4
# A step of fewer float32 numbers than this is how float32 itself counts, and no unit of the data.
_COARSE: Final = 16
# Two scores that are closer than the rule for labels looks: which label is a matter of rounding.
_SAME: Final = 10.0**-DECIMALS
# Beyond all answers for evaluation rows, as after an exponential, this part of one.
_BEYOND: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What may differ, from the spec. ``top``: the largest of the estimator's evaluation answers;
    beyond it, the tolerance grows in proportion. ``rows``: the share of rows that may be a breach.
    ``decimals``: of the columns whose evaluation values all have so few of them.
    """

    atol: float
    rtol: float
    top: float
    rows: float = 0.0
    decimals: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Adversarial rows with the answers of both, and the estimator's a step further (NaN where it
    was not asked, because both agree)."""

    rows: Rows
    expected: Scores
    answers: Scores
    further: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Masks over the rows: ``over`` and ``labels`` are breaches, ``shifted`` ones are none."""

    gaps: Floats
    over: Mask
    labels: Mask
    shifted: Mask

    @property
    def breaches(self) -> Mask:
        """Rows that the ONNX answers otherwise."""
        return self.over | self.labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The proof on adversarial rows. ``left_out``: rows that the estimator itself cannot answer."""

    asked: Asked
    judged: Judged
    left_out: Mapping[str, int]
    worst: tuple[Difference, ...]
    ok: bool


def check(
    frame: pd.DataFrame, scorer: Scorer, ask: Ask, onnx: bytes, tolerance: Tolerance
) -> Beside:
    """Make adversarial rows from ``frame``, evaluation rows, and compare on them."""
    signature = scorer.signature
    rows = adversarial(frame, signature, ask, onnx)
    expected, known = ask(rows.frame)
    kept = np.flatnonzero(known)
    left_out: dict[str, int] = {}
    for row in np.flatnonzero(~known):
        left_out[rows.kinds[row]] = left_out.get(rows.kinds[row], 0) + 1
    rows, expected = rows.take(kept), expected.take(kept)
    answers, _ = answered(scorer.score, rows.frame)
    nowhere = Scores(task=expected.task, values=np.full_like(expected.values, np.nan))
    asked = Asked(rows=rows, expected=expected, answers=answers, further=nowhere)
    raw = raw_columns(onnx)
    apart = judge(asked, signature, tolerance, raw).breaches
    further = _further(asked, signature, ask, tolerance, apart)
    asked = replace(asked, further=further)
    judged = judge(asked, signature, tolerance, raw)
    return Beside(
        asked=asked,
        judged=judged,
        left_out=left_out,
        worst=_worst(scorer, asked, judged),
        ok=len(rows) > 0 and int(judged.breaches.sum()) <= tolerance.rows * len(rows),
    )


def tolerance(
    frame: pd.DataFrame,
    signature: Signature,
    expected: Scores,
    *,
    atol: float,
    rtol: float,
    rows: float,
) -> Tolerance:
    """Return what may differ. ``frame``: the evaluation rows; ``expected``: the estimator's."""
    return Tolerance(
        atol=atol,
        rtol=rtol,
        rows=rows,
        top=float(np.abs(expected.values).max(initial=0.0)),
        decimals={
            field.name: found
            for field in signature.inputs
            if field.kind == "number" and (found := _decimals(frame, field)) is not None
        },
    )


def _decimals(frame: pd.DataFrame, field: Field) -> int | None:
    """Return how many decimals a column has, four at most; None when it has more."""
    values = column(frame, field)
    known = np.unique(values[~np.isnan(values.astype(np.float64))]).astype(np.float64)
    if not len(known):
        return None
    finest = float(np.spacing(np.float32(np.abs(known).max())))
    for places in range(_MOST_DECIMALS + 1):
        if 10.0**-places < _COARSE * finest:
            return None
        if all(_on_grid(known, places)):
            return places
    return None


def _on_grid(values: npt.NDArray[np.generic], places: int) -> Mask:
    single = values.astype(np.float32)
    return np.asarray(single.astype(np.float64).round(places).astype(np.float32) == single)


def raw_columns(onnx: bytes) -> frozenset[str]:
    """Return the inputs that trees compare as they came in."""
    import onnx as onnx_

    return frozenset(jumps.thresholds(onnx_.load_from_string(onnx)))


def judge(asked: Asked, signature: Signature, tolerance: Tolerance, raw: Collection[str]) -> Judged:
    """Say which rows are breaches; a pure function of what was asked and answered."""
    excused = _excusable(asked.rows, signature, tolerance, raw) & ~_apart(
        asked.further, asked.answers, tolerance
    )
    gaps = _gaps(asked.expected, asked.answers)
    over = _over(asked.expected, asked.answers, tolerance)
    labels = _other_labels(asked.expected, asked.answers, gaps)
    return Judged(
        gaps=gaps,
        over=over & ~excused,
        labels=labels & ~excused,
        shifted=(over | labels) & excused,
    )


def figures(kinds: Sequence[str], judged: Judged) -> dict[str, JSON]:
    """Return ``{rows, max_abs_diff, rows_over, label_mismatches, shifted, kinds: {kind: …}}``.

    ``max_abs_diff``: of the rows that are not shifted; None when an answer is no number.
    """
    names = np.array(kinds, dtype=object)
    told: dict[str, JSON] = {
        kind: _counted(judged, np.asarray(names == kind)) for kind in sorted(set(kinds))
    }
    return {**_counted(judged, np.ones(len(names), dtype=bool)), "kinds": told}


def _counted(judged: Judged, which: Mask) -> dict[str, JSON]:
    worst = float(judged.gaps[which & ~judged.shifted].max(initial=0.0))
    return {
        "rows": int(which.sum()),
        "max_abs_diff": round(worst, 9) if np.isfinite(worst) else None,
        "rows_over": int((judged.over & which).sum()),
        "label_mismatches": int((judged.labels & which).sum()),
        "shifted": int((judged.shifted & which).sum()),
    }


def _gaps(one: Scores, other: Scores) -> Floats:
    """Return the largest difference in each row; infinite where an answer is no number."""
    gaps = _wide(np.abs(one.values - other.values)).max(axis=1)
    return np.where(np.isnan(gaps), np.inf, gaps)


def _over(truth: Scores, answer: Scores, tolerance: Tolerance) -> Mask:
    size = np.abs(truth.values)
    allowed = tolerance.atol + tolerance.rtol * size
    if not truth.chance:
        beyond = size > tolerance.top
        allowed = np.where(beyond, np.maximum(allowed, _BEYOND * size), allowed)
    over = ~(np.abs(truth.values - answer.values) <= allowed)
    return np.asarray(_wide(over).any(axis=1))


def _wide(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values if values.ndim == 2 else values[:, None]


def _other_labels(truth: Scores, answer: Scores, gaps: Floats) -> Mask:
    differ = np.zeros(len(truth), dtype=bool)
    there = np.flatnonzero(np.isfinite(gaps) & (gaps > _SAME))
    differ[there] = labels_differ(truth.take(there), answer.take(there))
    return differ


def _apart(further: Scores, answer: Scores, tolerance: Tolerance) -> Mask:
    """Return where the ONNX answers something else also a step further, or nobody asked."""
    gaps = _gaps(further, answer)
    known = np.flatnonzero(np.isfinite(gaps))
    apart = np.ones(len(gaps), dtype=bool)
    one, other = further.take(known), answer.take(known)
    apart[known] = _over(one, other, tolerance) | _other_labels(one, other, gaps[known])
    return apart


def _excusable(
    rows: Rows, signature: Signature, tolerance: Tolerance, raw: Collection[str]
) -> Mask:
    """Return where a number that is computed with became one that the column never holds."""
    names = np.array(rows.columns, dtype=object)
    found = np.zeros(len(rows), dtype=bool)
    for field in signature.inputs:
        if field.kind == "number" and field.name not in raw:
            mine = np.flatnonzero(names == field.name)
            values = column(rows.frame.iloc[mine], field)
            places = tolerance.decimals.get(field.name)
            held = np.isnan(values) if places is None else _on_grid(values, places)
            found[mine] = ~held
    return found


def _further(
    asked: Asked, signature: Signature, ask: Ask, tolerance: Tolerance, which: Mask
) -> Scores:
    """Ask the estimator a step below and above; keep, of all, what is nearest to the ONNX."""
    values = np.full_like(asked.expected.values, np.nan)
    names = {field.name for field in signature.inputs if field.kind == "number"}
    apart = [row for row in np.flatnonzero(which) if asked.rows.columns[row] in names]
    chosen = np.array(apart, dtype=np.int64)
    best = np.full(len(which), np.inf)
    for step in range(4) if len(chosen) else ():
        rows = asked.rows.take(chosen)
        frame = rows.frame
        for field in signature.inputs:
            mine = np.array([one == field.name for one in rows.columns])
            if mine.any():
                moved = frame[field.name].to_numpy(copy=True)
                places = tolerance.decimals.get(field.name)
                moved[mine] = _steps(moved[mine], field, places)[step]
                frame = frame.assign(**{field.name: moved})
        answers, _ = ask(frame)
        gaps = _gaps(answers, asked.answers.take(chosen))
        nearer = gaps < best[chosen]
        values[chosen[nearer]] = answers.values[nearer]
        best[chosen[nearer]] = gaps[nearer]
    return Scores(task=asked.expected.task, values=values)


def _steps(values: npt.NDArray[Any], field: Field, places: int | None) -> list[Floats]:
    """Return values a step below and above: a millionth of the column's reach, one float32 at
    least; and the next ones that the column holds, where its values have few decimals."""
    single = np.nan_to_num(values.astype(np.float32))
    reach = max(abs(field.low or 0.0), abs(field.high or 0.0))
    exact, there = single.astype(np.float64), jumps.rank(single)
    far = _STEP * np.maximum(np.abs(exact), reach)
    found = [
        np.minimum(jumps.unrank(there - 1), exact - far),
        np.maximum(jumps.unrank(there + 1), exact + far),
    ]
    if places is not None:
        unit = 10.0**places
        found += [np.floor(exact * unit) / unit, np.ceil(exact * unit) / unit]
    limit = float(np.finfo(np.float32).max)
    whole = [one.clip(-limit, limit).astype(np.float32).astype(np.float64) for one in found]
    # Asked twice where there is no such value: it changes nothing.
    return [*whole, *whole][:4]


def _worst(scorer: Scorer, asked: Asked, judged: Judged) -> tuple[Difference, ...]:
    breaches = judged.breaches
    order = np.lexsort((np.arange(len(breaches)), -judged.gaps, ~judged.labels, ~breaches))
    found = []
    for row in order[: min(WORST, int(breaches.sum()))]:
        one = difference(
            scorer, asked.rows.frame, asked.expected, asked.answers, row, bool(judged.labels[row])
        )
        kind, name = asked.rows.kinds[row], asked.rows.columns[row]
        found.append(replace(one, row=int(row), kind=kind, column=name))
    return tuple(found)
