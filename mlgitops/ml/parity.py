"""Does the ONNX model answer what the estimator answers? On every row, and where it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlgitops.core.errors import Refused
from mlgitops.core.tasks import Task
from mlgitops.ml.columns import column
from mlgitops.ml.convertible import Estimator, unwrap
from mlgitops.ml.export import trained_on
from mlgitops.ml.labels import Floats, Mask, Scores
from mlgitops.ml.scoring import Scorer
from mlgitops.ml.tasks import ask, own_labels

if TYPE_CHECKING:
    import pandas as pd

WORST = 10
_CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row where the two differ: its inputs and both answers (a number, or one per class).

    ``kind``, ``column``: what is odd about it, where it was made to be odd.
    """

    row: int
    inputs: dict[str, float | str | None]
    estimator: float | tuple[float, ...]
    onnx: float | tuple[float, ...]
    difference: float
    labels_differ: bool
    kind: str = ""
    column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """The proof: what was compared, and the rows that differ most, worst first."""

    rows: int
    atol: float
    rtol: float
    max_abs_diff: float
    rows_over: int
    label_mismatches: int
    own_label_differs: int
    """Rows where the estimator's own ``predict`` is not the label of the one rule (exact ties, a
    margin classifier's calibration): no fault of the export, but worth knowing."""
    worst: tuple[Difference, ...]
    ok: bool


def check(
    estimator: Estimator,
    scorer: Scorer,
    frame: pd.DataFrame,
    *,
    atol: float,
    rtol: float = 0.0,
    label_mismatch: float = 0.0,
) -> Parity:
    """Compare estimator and model on every row of ``frame``, which holds at least their columns.

    A row is over when a number differs by more than ``atol + rtol * |estimator's number|``.
    ``label_mismatch``: the share of rows, 0 to 1, whose labels may differ. No row proves nothing:
    then it is not ok.
    """
    truth = estimate(estimator, frame, scorer.signature.task)
    found = compare(truth, scorer, frame, atol=atol, rtol=rtol, label_mismatch=label_mismatch)
    return replace(found, own_label_differs=_own_label_differs(estimator, frame, truth))


def compare(
    truth: Scores,
    scorer: Scorer,
    frame: pd.DataFrame,
    *,
    atol: float,
    rtol: float,
    label_mismatch: float,
) -> Parity:
    """Compare the model with answers that are known: ``truth``, for the rows of ``frame``."""
    answer = scorer.score(frame)
    gap: Floats = np.abs(truth.values - answer.values)
    gap = gap.max(axis=1) if gap.ndim == 2 else gap
    beyond = over(truth, answer, atol=atol, rtol=rtol)
    differ = labels_differ(truth, answer)
    order = np.lexsort((np.arange(len(gap)), -gap, ~differ))[:WORST]
    return Parity(
        rows=len(gap),
        atol=atol,
        rtol=rtol,
        max_abs_diff=float(gap.max(initial=0.0)),
        rows_over=int(beyond.sum()),
        label_mismatches=int(differ.sum()),
        own_label_differs=0,
        worst=tuple(
            difference(scorer, frame, truth, answer, int(row), bool(differ[row]))
            for row in order
            if gap[row] > 0 or differ[row]
        ),
        ok=len(gap) > 0
        and not beyond.any()
        and int(differ.sum()) <= label_mismatch * len(gap)
        and bool(np.isfinite(gap).all()),
    )


def over(truth: Scores, answer: Scores, *, atol: float, rtol: float) -> Mask:
    """Return for each row whether a number is further from the estimator's than allowed."""
    gap = np.abs(truth.values - answer.values)
    beyond: Mask = ~(gap <= atol + rtol * np.abs(truth.values))
    return beyond if beyond.ndim == 1 else np.asarray(beyond.any(axis=1))


def labels_differ(one: Scores, other: Scores) -> Mask:
    """Return for each row whether the labels differ; never, where the task has none."""
    ours, theirs = one.labels(), other.labels()
    if ours is None or theirs is None:
        return np.zeros(len(one), dtype=bool)
    apart = np.asarray(ours != theirs, dtype=bool)
    return apart if apart.ndim == 1 else np.asarray(apart.any(axis=1))


def estimate(estimator: Estimator, frame: pd.DataFrame, task: Task) -> Scores:
    """Return what the estimator itself answers for each row of ``frame``."""
    estimator = unwrap(estimator)
    return Scores(task=task, values=_asked(estimator, partial(_of, estimator, task), frame))


def _of(estimator: Estimator, task: Task, rows: Any) -> Floats:
    return ask(estimator, rows, task)


def asker(estimator: Estimator, task: Task) -> Callable[[pd.DataFrame], tuple[Scores, Mask]]:
    """Return a function that asks for what the estimator answers, and for which rows it does.

    Rows on which the estimator raises, or answers no finite number, have the values NaN.
    """

    def asked(frame: pd.DataFrame) -> tuple[Scores, Mask]:
        return answered(lambda rows: estimate(estimator, rows, task), frame)

    return asked


def answered(score: Callable[[pd.DataFrame], Scores], frame: pd.DataFrame) -> tuple[Scores, Mask]:
    """Return what ``score`` answers, NaN in rows on which it raises Refused or gives no number.

    Raises Refused when it answers for no row at all.
    """
    pieces: list[tuple[int, int, Scores]] = []
    todo, why = [(0, len(frame))], None
    while todo:
        start, stop = todo.pop()
        try:
            pieces.append((start, stop, score(frame.iloc[start:stop])))
        except Refused as error:
            why = error
            if stop - start > 1:
                middle = (start + stop) // 2
                todo += [(start, middle), (middle, stop)]
    if not pieces:
        raise why or Refused("there is no row to ask for", hint="the evaluation data is empty")
    first = pieces[0][2]
    values: Floats = np.full((len(frame), *first.values.shape[1:]), np.nan)
    for start, stop, piece in pieces:
        values[start:stop] = piece.values
    known = np.isfinite(values.reshape(len(frame), -1)).all(axis=1)
    values[~known] = np.nan
    return Scores(task=first.task, values=values), np.asarray(known)


def _asked(estimator: Estimator, question: Any, frame: pd.DataFrame) -> Any:
    from threadpoolctl import threadpool_limits

    names = list(trained_on(estimator, frame))
    rows: Any = frame[names]
    if not hasattr(estimator, "feature_names_in_"):
        rows = rows.to_numpy()
    try:
        # One thread: histogram boosting's are many times slower than one on a machine in use.
        with threadpool_limits(limits=1):
            # Not one chunk for zero rows: scikit-learn refuses an empty matrix.
            pieces = [question(rows[at : at + _CHUNK]) for at in range(0, len(rows), _CHUNK)]
    except Exception as error:  # whatever a step of a pipeline runs into
        told = str(error).strip().splitlines()
        raise Refused(
            f"the estimator fails on the evaluation rows: {told[0] if told else repr(error)}",
            hint="the features step must give evaluation rows as it gives training rows",
        ) from error
    if not pieces:
        raise Refused("there is no row to evaluate on", hint="the evaluation data is empty")
    return np.concatenate(pieces)


def _own_label_differs(estimator: Estimator, frame: pd.DataFrame, truth: Scores) -> int:
    labels = truth.labels()
    estimator = unwrap(estimator)
    if labels is None:
        return 0
    own = own_labels(estimator, truth.task, _asked(estimator, estimator.predict, frame))
    return int((own != labels).reshape(len(labels), -1).any(axis=1).sum())


def difference(
    scorer: Scorer, frame: pd.DataFrame, truth: Scores, answer: Scores, row: int, labels: bool
) -> Difference:
    """Return what there is to say of one row of ``frame``."""
    inputs: dict[str, float | str | None] = {}
    for field in scorer.signature.inputs:
        value = column(frame.iloc[[row]], field)[0]
        if isinstance(value, str):
            inputs[field.name] = value
        else:
            inputs[field.name] = None if np.isnan(value) else float(value)
    return Difference(
        row=row,
        inputs=inputs,
        estimator=_plain(truth.values[row]),
        onnx=_plain(answer.values[row]),
        difference=float(np.abs(truth.values[row] - answer.values[row]).max()),
        labels_differ=labels,
    )


def _plain(value: Floats | float) -> float | tuple[float, ...]:
    return tuple(float(v) for v in value) if isinstance(value, np.ndarray) else float(value)
