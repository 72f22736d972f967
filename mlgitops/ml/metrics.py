"""The value of a metric, over all rows and per slice; equal to scikit-learn's.

Targets are what ``labels.encode_target`` gives. What the metrics are called, and which way is
better, is in ``core.metrics``.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import METRICS, Direction, find, of_task
from mlgitops.core.tasks import Task
from mlgitops.ml.influence import influence
from mlgitops.ml.influence import undefined as _undefined
from mlgitops.ml.labels import Floats, Scores, class_name

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


def check_metrics(task: Task, names: Sequence[str], own: Container[str] = ()) -> None:
    """Raise MlgitopsError for a name that is no metric, or none of ``task``, nor of ``own``."""
    for name in names:
        metric = find(name)
        if name in own:
            continue
        if metric is None:
            near = difflib.get_close_matches(name, METRICS, 1)
            raise MlgitopsError(
                f"there is no metric {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"one of {', '.join(METRICS)}",
            )
        if task not in metric.tasks:
            raise MlgitopsError(
                f"{name} is no metric for {task}", hint=f"one of {', '.join(of_task(task))}"
            )


def direction(name: str, scores: Scores) -> Direction:
    """Return which way a metric gets better, one of the users' own too."""
    metric = find(name)
    return scores.own[name].better if metric is None else metric.direction


def compute(task: Task, names: Sequence[str], target: Floats, scores: Scores) -> dict[str, float]:
    """Return each metric's value, always finite.

    Raises MlgitopsError for an unknown metric, and for one that these rows do not define.
    """
    check_metrics(task, names, scores.own)
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
    check_metrics(task, names, scores.own)
    names_of_rows = slice_names(column)
    found = []
    for value in sorted(set(names_of_rows.tolist())):
        rows = names_of_rows == value
        true, answers = target[rows], scores.take(rows)
        reasons = {name: undefined(name, true, answers) or _whole(name, scores) for name in names}
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
    metric = None if name in scores.own else find(name)
    lacks = metric is not None and metric.beside not in (None, *scores.beside)
    if metric is not None and lacks and (metric.beside != "group" or scores.task == "ranking"):
        return f"these rows have no {metric.beside}"
    return _undefined(name, target, scores)


def _whole(name: str, scores: Scores) -> str | None:
    own = scores.own.get(name)
    return None if own is None or own.blocks is None else "its function gives one number for all"


def _value(name: str, target: Floats, scores: Scores) -> float:
    # The tests hold every metric against scikit-learn's; importing it would cost each check of a
    # pull request more than everything else that it does.
    return influence(name, target, scores).value


def _is_null(value: object) -> bool:
    return value is None or value != value or type(value).__name__ in ("NAType", "NaTType")
