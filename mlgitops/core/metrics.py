"""The metrics that an evaluation can ask for: which way is better, for which tasks, in what range.

``ml.metrics`` computes every one of them; a test there compares the two tables. Some take a number
behind their name: ``ndcg@10`` looks at the ten first rows of a group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from mlgitops.core.tasks import Task

Direction = Literal["higher", "lower"]
# What stands behind ``@``: a whole number from 1, a share between 0 and 1, a number above 0.
Parameter = Literal["count", "share", "weight"]

_NUMBERS: Final[tuple[Task, ...]] = ("regression", "forecasting")
_FORECASTS: Final[tuple[Task, ...]] = ("forecasting",)
_RANKING: Final[tuple[Task, ...]] = ("ranking",)
_CLUSTERS: Final[tuple[Task, ...]] = ("clustering",)
_BINARY: Final[tuple[Task, ...]] = ("binary-classification",)
_MANY: Final[tuple[Task, ...]] = ("multiclass-classification",)
_SEVERAL: Final[tuple[Task, ...]] = ("multilabel-classification",)
# What is, or is not, one thing: labels of both, and a score that puts it in order.
_YES_OR_NO: Final[tuple[Task, ...]] = (*_BINARY, "anomaly-detection")
_ONE_CLASS: Final[tuple[Task, ...]] = (*_BINARY, *_MANY, "anomaly-detection")
_CHANCES: Final[tuple[Task, ...]] = (*_BINARY, *_MANY, *_SEVERAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: ``direction`` says which way is better, values lie in ``low`` to ``high``.

    ``at``: the kind of number behind its name, and ``needed``: it cannot do without one.
    ``beside``: the key of the evaluation that names a further column which it reads.
    """

    direction: Direction
    tasks: tuple[Task, ...]
    low: float = 0.0
    high: float = 1.0
    at: Parameter | None = None
    needed: bool = False
    beside: str | None = None


def _error(tasks: tuple[Task, ...], *, high: float = math.inf, beside: str | None = None) -> Metric:
    return Metric(direction="lower", tasks=tasks, high=high, beside=beside)


def _share(tasks: tuple[Task, ...], *, low: float = 0.0) -> Metric:
    return Metric(direction="higher", tasks=tasks, low=low)


def _first(tasks: tuple[Task, ...]) -> Metric:
    return Metric(direction="higher", tasks=tasks, at="count", beside="group")


METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        "mae": _error(_NUMBERS),
        "rmse": _error(_NUMBERS),
        "r2": _share(_NUMBERS, low=-math.inf),
        "mape": _error(_NUMBERS),
        "smape": _error(_NUMBERS, high=2.0),
        "wape": _error(_NUMBERS),
        "rmsle": _error(_NUMBERS),
        "poisson_deviance": _error(_NUMBERS),
        "pinball": Metric(
            direction="lower", tasks=_NUMBERS, high=math.inf, at="share", needed=True
        ),
        "mase": _error(_FORECASTS, beside="scale"),
        "relative_mae": _error(_FORECASTS, beside="baseline"),
        "relative_rmse": _error(_FORECASTS, beside="baseline"),
        "roc_auc": _share(_YES_OR_NO),
        "average_precision": _share(_YES_OR_NO),
        "brier": _error(_CHANCES, high=1.0),
        "precision": Metric(
            direction="higher", tasks=(*_YES_OR_NO, *_RANKING), at="count", beside="group"
        ),
        "recall": Metric(
            direction="higher", tasks=(*_YES_OR_NO, *_RANKING), at="count", beside="group"
        ),
        "specificity": _share(_YES_OR_NO),
        "f1": _share(_YES_OR_NO),
        "fbeta": Metric(direction="higher", tasks=_YES_OR_NO, at="weight", needed=True),
        "mcc": _share(_ONE_CLASS, low=-1.0),
        "cohen_kappa": _share(_ONE_CLASS, low=-1.0),
        "log_loss": _error(_CHANCES),
        "accuracy": _share((*_ONE_CLASS, *_SEVERAL)),
        "balanced_accuracy": _share(_ONE_CLASS),
        "top_k_accuracy": Metric(direction="higher", tasks=_MANY, at="count", needed=True),
        "precision_macro": _share(_MANY),
        "recall_macro": _share(_MANY),
        "f1_macro": _share((*_BINARY, *_MANY, *_SEVERAL)),
        "f1_weighted": _share((*_BINARY, *_MANY)),
        "f1_micro": _share(_SEVERAL),
        "roc_auc_macro": _share((*_MANY, *_SEVERAL)),
        "average_precision_macro": _share((*_MANY, *_SEVERAL)),
        "hamming_loss": _error(_SEVERAL, high=1.0),
        "jaccard": _share(_SEVERAL),
        "lrap": _share(_SEVERAL),
        "ndcg": _first(_RANKING),
        "map": _first(_RANKING),
        "mrr": _first(_RANKING),
        "hit_rate": _first(_RANKING),
        "adjusted_rand": _share(_CLUSTERS, low=-1.0),
        "homogeneity": _share(_CLUSTERS),
        "completeness": _share(_CLUSTERS),
        "v_measure": _share(_CLUSTERS),
    }
)


def split(name: str) -> tuple[str, float | None]:
    """Return a metric's name and the number behind it; ValueError when that is no number."""
    base, mark, behind = name.partition("@")
    return base, float(behind) if mark else None


def find(name: str) -> Metric | None:
    """Return the metric of a name such as ``mae`` or ``ndcg@10``; None: nobody computes it."""
    try:
        base, at = split(name)
    except ValueError:
        return None
    metric = METRICS.get(base)
    if metric is None or (at is None and metric.needed):
        return None
    return metric if at is None or _fits(at, metric.at) else None


def of_task(task: Task) -> tuple[str, ...]:
    """Return what a task can be judged by; a number is shown behind those that need one."""
    shown = {"count": "@3", "share": "@0.9", "weight": "@2"}
    return tuple(
        name + (shown[metric.at or ""] if metric.needed else "")
        for name, metric in METRICS.items()
        if task in metric.tasks
    )


def _fits(at: float, kind: Parameter | None) -> bool:
    match kind:
        case "count":
            return at >= 1 and at == int(at) and at < 1e6
        case "share":
            return 0 < at < 1
        case "weight":
            return 0 < at < 1e6
        case None:
            return False
