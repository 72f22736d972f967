"""The value of a metric, over all rows and per slice, by scikit-learn.

Targets are what ``labels.encode_target`` gives. What the metrics are called, and which way is
better, is in ``core.metrics``.
"""

from __future__ import annotations

import difflib
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import METRICS
from mlgitops.core.signatures import Task
from mlgitops.ml.labels import Codes, Floats, Scores, class_name

# A column with more values than this is an identifier; the rest is one slice.
MOST_SLICES = 50
OTHER = "(other)"
MISSING = "(missing)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The rows where a column has one value. A metric that is undefined there is None.

    ``reasons``: why, for each metric that is None.
    """

    value: str
    rows: int
    metrics: Mapping[str, float | None]
    reasons: Mapping[str, str]


def check_metrics(task: Task, names: Sequence[str]) -> None:
    """Raise MlgitopsError for a name that is no metric, or none of ``task``."""
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, 1)
            raise MlgitopsError(
                f"there is no metric {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"one of {', '.join(METRICS)}",
            )
        if task not in METRICS[name].tasks:
            fitting = [other for other, metric in METRICS.items() if task in metric.tasks]
            raise MlgitopsError(
                f"{name} is no metric for {task}", hint=f"one of {', '.join(fitting)}"
            )


def compute(task: Task, names: Sequence[str], target: Floats, scores: Scores) -> dict[str, float]:
    """Return each metric's value, always finite.

    Raises MlgitopsError for an unknown metric, and for one that these rows do not define.
    """
    check_metrics(task, names)
    values = {}
    for name in names:
        reason = undefined(name, target, scores)
        if reason is not None:
            raise MlgitopsError(
                f"{name} is undefined: {reason}", hint="evaluate on other rows or another metric"
            )
        values[name] = _value(name, target, scores)
    return values


def by_slice(
    task: Task,
    names: Sequence[str],
    target: Floats,
    scores: Scores,
    column: npt.NDArray[np.generic],
) -> tuple[Slice, ...]:
    """Return the metrics for each value of ``column``, shape (n,), by value.

    The 50 largest slices; all other rows are one slice ``(other)``, null is ``(missing)``. What a
    slice does not define (one class, no rows) is None with a reason, never NaN or an error.
    """
    check_metrics(task, names)
    names_of_rows = slice_names(column)
    found = []
    for value in sorted(set(names_of_rows.tolist())):
        rows = names_of_rows == value
        true, answers = target[rows], scores.take(rows)
        reasons = {name: undefined(name, true, answers) for name in names}
        found.append(
            Slice(
                value=value,
                rows=int(rows.sum()),
                metrics={
                    name: None if reason is not None else _value(name, true, answers)
                    for name, reason in reasons.items()
                },
                reasons={name: reason for name, reason in reasons.items() if reason is not None},
            )
        )
    return tuple(found)


def slice_names(column: npt.NDArray[np.generic]) -> npt.NDArray[np.object_]:
    """Return the name of each row's slice, as ``by_slice`` calls it."""
    values = np.asarray(column, dtype=object).tolist()
    texts = [MISSING if _is_null(value) else class_name(value) for value in values]
    # By size, then by name: which slices are kept must not depend on the order of rows.
    ranked = sorted(Counter(texts).items(), key=lambda item: (-item[1], item[0]))
    kept = {name for name, _ in ranked[:MOST_SLICES]}
    return np.array([text if text in kept else OTHER for text in texts], dtype=object)


def undefined(name: str, target: Floats, scores: Scores) -> str | None:
    """Return why these rows do not define the metric, or None when they do."""
    if len(target) == 0:
        return "there are no rows"
    labels = scores.labels()
    several = name in ("roc_auc", "average_precision", "balanced_accuracy")
    if several and len(set(target.tolist())) < 2:
        return "all rows are of one class"
    called = labels is not None and bool((labels == 1).any())
    if name == "precision" and not called:
        return "no row is called the second class"
    if name == "recall" and not (target == 1).any():
        return "no row is of the second class"
    if name == "f1" and not called and not (target == 1).any():
        return "no row is, or is called, the second class"
    if name == "r2" and float(np.ptp(target)) == 0.0:
        return "all true values are equal"
    if name == "mape" and (target == 0).any():
        return f"{int((target == 0).sum())} true values are 0"
    if name == "rmsle" and min(float(target.min()), float(scores.values.min())) < 0:
        return "a true value or a prediction is negative"
    return None


def _value(name: str, target: Floats, scores: Scores) -> float:
    labels = scores.labels()
    with warnings.catch_warnings():
        # A class that a slice lacks counts as scikit-learn counts it; that is no news here.
        warnings.simplefilter("ignore")
        if labels is None:
            return float(_REGRESSION[name](target, scores.values))
        codes: Codes = target.astype(np.int64)
        if name in _PROBABILITIES:
            return float(_PROBABILITIES[name](codes, scores))
        return float(_LABELS[name](codes, labels))


def _log_loss(target: Codes, scores: Scores) -> float:
    from sklearn.metrics import log_loss

    p = scores.values
    if p.ndim == 1:
        return float(log_loss(target, p, labels=[0, 1]))
    # float32 probabilities sum to one only to seven digits, which scikit-learn frowns upon.
    whole = p / p.sum(axis=1, keepdims=True)
    return float(log_loss(target, whole, labels=list(range(p.shape[1]))))


def _of(name: str, **options: object) -> Callable[[Floats | Codes, Floats | Codes], float]:
    def call(target: Floats | Codes, values: Floats | Codes) -> float:
        from sklearn import metrics

        return float(getattr(metrics, name)(target, values, **options))

    return call


_REGRESSION: Mapping[str, Callable[[Floats, Floats], float]] = {
    "mae": _of("mean_absolute_error"),
    "rmse": _of("root_mean_squared_error"),
    "r2": _of("r2_score"),
    "mape": _of("mean_absolute_percentage_error"),
    "rmsle": _of("root_mean_squared_log_error"),
}
_PROBABILITIES: Mapping[str, Callable[[Codes, Scores], float]] = {
    "roc_auc": lambda target, scores: _of("roc_auc_score")(target, scores.values),
    "average_precision": lambda target, scores: _of("average_precision_score")(
        target, scores.values
    ),
    "brier": lambda target, scores: _of("brier_score_loss", pos_label=1)(target, scores.values),
    "log_loss": _log_loss,
}
_LABELS: Mapping[str, Callable[[Codes, Codes], float]] = {
    "accuracy": _of("accuracy_score"),
    "balanced_accuracy": _of("balanced_accuracy_score"),
    "precision": _of("precision_score"),
    "recall": _of("recall_score"),
    "f1": _of("f1_score"),
    "f1_macro": _of("f1_score", average="macro"),
}


def _is_null(value: object) -> bool:
    return value is None or value != value or type(value).__name__ in ("NAType", "NaTType")
