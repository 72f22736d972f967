"""From a model's numbers to its labels: the one rule that training, release and serving share.

Imports numpy and nothing heavier, because the model server imports it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.signatures import Task

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

# A forest of 100 trees answers exactly 0.50 for some rows, and whether float32 sums say 0.49999997
# or 0.5 differs between runtimes. Five decimals are far above that noise, far below what matters.
DECIMALS = 5


def binary_labels(p: npt.NDArray[np.floating]) -> Codes:
    """Return 0 or 1 per row from the probability of the second class, shape (n,).

    1 where the probability, rounded to 1e-5, is at least 0.5. NaN is an error, never a label.
    """
    return np.asarray(_rounded(p) >= 0.5, dtype=np.int64)


def multiclass_labels(p: npt.NDArray[np.floating]) -> Codes:
    """Return the index of the most probable class per row, from probabilities of shape (n, k).

    Probabilities are rounded to 1e-5; of equal ones the first class wins. NaN is an error.
    """
    return np.asarray(_rounded(p).argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """What a model answered, float64.

    ``values``: regression (n,) the prediction; binary classification (n,) the probability of the
    second class; multiclass classification (n, k) the probabilities.
    """

    task: Task
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def labels(self) -> Codes | None:
        """Return the index of each row's class by the one rule; None for regression."""
        match self.task:
            case "regression":
                return None
            case "binary-classification":
                return binary_labels(self.values)
            case "multiclass-classification":
                return multiclass_labels(self.values)

    def take(self, rows: Mask | Codes) -> Scores:
        """Return the scores of some rows, by mask or by index."""
        return Scores(task=self.task, values=self.values[rows])


def class_name(value: object) -> str:
    """Return how a class is written in a signature: ``1``, ``True``, ``setosa``.

    A whole float is written as an integer: one missing label turns a whole column of integers into
    floats, and ``1.0`` must still be the class ``1``.
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def encode_target(task: Task, classes: tuple[str, ...], values: Iterable[object]) -> Floats:
    """Return the true values as float64, shape (n,): numbers, or the index of each row's class.

    Raises MlgitopsError when a value is missing or is no class of the model: leave such rows out.
    """
    array = np.asarray(values if isinstance(values, np.ndarray) else list(values))
    if task == "regression":
        return _numbers(array)
    index = {name: code for code, name in enumerate(classes)}
    distinct = {value: class_name(value) for value in dict.fromkeys(array.tolist())}
    for value, name in distinct.items():
        if name not in index:
            raise MlgitopsError(
                f"the target holds {value!r}, which is none of the classes {list(classes)}",
                hint="leave out rows without a label; retrain when a class is new",
            )
    return np.array([index[distinct[value]] for value in array.tolist()], dtype=np.float64)


def _numbers(array: npt.NDArray[np.generic]) -> Floats:
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise MlgitopsError(
            f"the target is not numeric: {error}", hint="regression needs a number per row"
        ) from error
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise MlgitopsError(
            f"the target is {numbers[row]} in row {row}", hint="leave out rows without a label"
        )
    return numbers


def _rounded(p: npt.NDArray[np.floating]) -> Floats:
    if np.isnan(p).any():
        row = int(np.argwhere(np.isnan(p))[0][0])
        raise MlgitopsError(
            f"the model answered NaN for row {row}",
            hint="a value is missing that the model cannot do without",
        )
    wide: Floats = np.asarray(p, dtype=np.float64)
    return wide.round(DECIMALS)
