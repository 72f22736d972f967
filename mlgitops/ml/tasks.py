"""What an estimator has to do for each task: which of its answers is the model's, and its classes.

``turned`` says the same of the ONNX graph: what is done to the numbers that the converter gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlgitops.core.errors import Refused
from mlgitops.core.tasks import Task
from mlgitops.ml.convertible import Estimator
from mlgitops.ml.labels import Floats, class_name
from mlgitops.ml.onnx_graphs import Step

_PLAIN: tuple[Task, ...] = ("regression", "forecasting", "ranking")


def classes_of(estimator: Estimator, task: Task, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the classes; Refused when the estimator does something else.

    ``named``: of several labels, and of what is usual and what is odd, where no estimator knows.
    """
    name, found = type(estimator).__name__, getattr(estimator, "classes_", None)
    if task in _PLAIN:
        # Rows are ranked by a chance as well as by a number.
        if found is not None if task != "ranking" else _chances(found) not in (0, 2):
            raise _other(f"{name} is no regressor", task)
        if not hasattr(estimator, "predict_proba" if found is not None else "predict"):
            raise _other(f"{name} gives no numbers", task)
        return ()
    if task == "anomaly-detection":
        if not hasattr(estimator, "decision_function") or found is not None:
            raise _other(f"{name} finds no anomalies (no decision_function of its own)", task)
        if len(named) != 2:
            raise Refused(
                f"anomaly detection has two classes, and these are {list(named)}",
                hint="name a usual row and an odd one in export.classes",
            )
        return named
    if task == "clustering":
        return tuple(str(number) for number in range(_clusters(estimator)))
    if not hasattr(estimator, "predict_proba"):
        raise Refused(
            f"{name} gives no probabilities (no predict_proba), and the task is {task}",
            hint="wrap it: CalibratedClassifierCV(estimator, method='sigmoid')",
        )
    if task == "multilabel-classification":
        _check_labels(estimator, named)
        return named
    if found is None:
        raise _other(f"{name} is no classifier", task)
    if isinstance(found, list):
        raise Refused(
            f"{name} predicts several targets at once",
            hint="set `task: multilabel-classification`, or release one model per target",
        )
    classes = tuple(class_name(value) for value in found.tolist())
    if (len(classes) == 2) != (task == "binary-classification") or len(classes) < 2:
        raise Refused(
            f"{name} was trained on {len(classes)} class(es) {list(classes)}, and the task is"
            f" {task}",
            hint="set `task:` in model.yaml to what it is, or look at the training data",
        )
    return classes


def _chances(found: Any) -> int:
    return 0 if found is None else len(found)


def _other(what: str, task: Task) -> Refused:
    return Refused(
        f"{what}, and the task is {task}", hint="set `task:` in model.yaml to what it is"
    )


def _check_labels(estimator: Estimator, named: tuple[str, ...]) -> None:
    """Refuse an estimator that has other labels, or one that is constant in training."""
    name, final = type(estimator).__name__, _final(estimator)
    found: Any = getattr(final, "classes_", None)
    if isinstance(found, list):
        for label, seen in zip(named, found, strict=False):
            if len(seen) != 2:
                raise Refused(
                    f"label {label!r} has {len(seen)} value(s) in training",
                    hint="leave it out, or train on rows of both kinds",
                )
    several = isinstance(found, list) or getattr(final, "multilabel_", False)
    outputs = getattr(final, "_label_binarizer", None)
    if not several and getattr(outputs, "y_type_", "") != "multilabel-indicator":
        raise _other(f"{name} predicts one label a row", "multilabel-classification")
    if len(found) != len(named):
        raise Refused(
            f"{name} was trained on {len(found)} labels, and evaluation.targets names {len(named)}",
            hint="name them in the order of training",
        )


def _final(estimator: Estimator) -> Any:
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator


def _clusters(estimator: Estimator) -> int:
    final = _final(estimator)
    count = getattr(final, "n_clusters", getattr(final, "n_components", None))
    known = hasattr(final, "cluster_centers_") or hasattr(final, "weights_")
    if not isinstance(count, int) or not known:
        raise Refused(
            f"{type(final).__name__} puts no new row into a cluster, and the task is clustering",
            hint="use KMeans, MiniBatchKMeans or GaussianMixture",
        )
    return count


def ask(estimator: Estimator, rows: Any, task: Task) -> Floats:
    """Return what ``estimator`` answers for ``rows``, as ``labels.Scores`` has it, float64.

    Of an anomaly it is the decision function with its sign turned (above 0 is odd); of a cluster
    the distance with its sign turned, or the probability where there is one; of ranking the
    prediction, or the chance of the second class.
    """
    if task == "ranking" and hasattr(estimator, "classes_"):
        values = estimator.predict_proba(rows)[:, 1]
    elif task in _PLAIN:
        values = estimator.predict(rows)
    elif task == "anomaly-detection":
        values = -estimator.decision_function(rows)
    elif task == "clustering" and not hasattr(estimator, "predict_proba"):
        values = -estimator.transform(rows)
    else:
        values = estimator.predict_proba(rows)
        if isinstance(values, list):
            values = np.stack([one[:, 1] for one in values], axis=1)
        elif task == "binary-classification":
            values = values[:, 1]
    return np.asarray(values, dtype=np.float64)


def own_labels(estimator: Estimator, task: Task, answers: Any) -> Any:
    """Return what ``predict`` answered as ``Scores.labels`` counts: codes, or 0 and 1."""
    if task == "anomaly-detection":
        return np.asarray(answers) == -1
    if task in ("clustering", "multilabel-classification"):
        return np.asarray(answers)
    order = {value: code for code, value in enumerate(estimator.classes_.tolist())}
    return np.array([order[value] for value in np.asarray(answers).tolist()])


def turned(estimator: Estimator, task: Task) -> tuple[Step, ...]:
    """Return what is left to do to the numbers of the converted graph, as ``ask`` does it."""
    away = task == "clustering" and not hasattr(estimator, "predict_proba")
    return (("Neg", None, {}),) if away or task == "anomaly-detection" else ()
