"""The metrics that an evaluation can ask for: which way is better, for which tasks, in what range.

``ml.metrics`` computes every one of them; a test there compares the two tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from mlgitops.core.signatures import Task

Direction = Literal["higher", "lower"]

_REGRESSION: Final[tuple[Task, ...]] = ("regression",)
_BINARY: Final[tuple[Task, ...]] = ("binary-classification",)
_CLASSES: Final[tuple[Task, ...]] = ("binary-classification", "multiclass-classification")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: ``direction`` says which way is better, values lie in ``low`` to ``high``."""

    direction: Direction
    tasks: tuple[Task, ...]
    low: float = 0.0
    high: float = 1.0


METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        "mae": Metric(direction="lower", tasks=_REGRESSION, high=math.inf),
        "rmse": Metric(direction="lower", tasks=_REGRESSION, high=math.inf),
        "r2": Metric(direction="higher", tasks=_REGRESSION, low=-math.inf),
        "mape": Metric(direction="lower", tasks=_REGRESSION, high=math.inf),
        "rmsle": Metric(direction="lower", tasks=_REGRESSION, high=math.inf),
        "roc_auc": Metric(direction="higher", tasks=_BINARY),
        "average_precision": Metric(direction="higher", tasks=_BINARY),
        "brier": Metric(direction="lower", tasks=_BINARY),
        "precision": Metric(direction="higher", tasks=_BINARY),
        "recall": Metric(direction="higher", tasks=_BINARY),
        "f1": Metric(direction="higher", tasks=_BINARY),
        "log_loss": Metric(direction="lower", tasks=_CLASSES, high=math.inf),
        "accuracy": Metric(direction="higher", tasks=_CLASSES),
        "balanced_accuracy": Metric(direction="higher", tasks=_CLASSES),
        "f1_macro": Metric(direction="higher", tasks=_CLASSES),
    }
)
