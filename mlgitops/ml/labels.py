"""From a model's numbers to its labels: the one rule that training, release and serving share.

Imports numpy and nothing heavier, because the model server imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import Direction
from mlgitops.core.tasks import ANSWERS, Rule, Task

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


def each_labels(p: npt.NDArray[np.floating]) -> Codes:
    """Return 0 or 1 for each label of each row, from probabilities of shape (n, k)."""
    return binary_labels(p)


def zero_labels(scores: npt.NDArray[np.floating]) -> Codes:
    """Return 1 for each row whose score, rounded to 1e-5, is above zero; NaN is an error."""
    return np.asarray(_rounded(scores) > 0.0, dtype=np.int64)


_RULES: Mapping[Rule, Callable[[npt.NDArray[np.floating]], Codes]] = {
    "half": binary_labels,
    "top": multiclass_labels,
    "each": each_labels,
    "zero": zero_labels,
}


def labels_of(rule: Rule, values: npt.NDArray[np.floating]) -> Codes:
    """Return the index of each row's class; of shape (n, k), 0 or 1 each, where ``rule`` is each.

    ``values``: as ``Scores`` has them.
    """
    return _RULES[rule](values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Own:
    """A metric of the users' own: a number for each row, whose mean is the metric.

    ``blocks``: rows of one number count as one, where the function gave a number for many rows.
    """

    values: Floats
    better: Direction
    blocks: Codes | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """What a model answered, float64, and what else metrics read of the same rows.

    ``values``: one number a row, (n,), or one a class, (n, k), as ``core.tasks`` says; of binary
    classification the probability of the second class. ``beside``: further columns (n,) by name:
    ``group`` (the query of a row, a code), ``scale``, ``baseline``. ``own``: metrics by name.
    """

    task: Task
    values: Floats
    beside: Mapping[str, Floats] = field(default_factory=dict)
    own: Mapping[str, Own] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def chance(self) -> bool:
        """Whether the values are probabilities."""
        return ANSWERS[self.task].chance

    def labels(self) -> Codes | None:
        """Return the index of each row's class by the one rule; None where the task has none.

        Of several labels (n, k), 0 or 1 each.
        """
        rule = ANSWERS[self.task].rule
        return None if rule is None else labels_of(rule, self.values)

    def take(self, rows: Mask | Codes) -> Scores:
        """Return the scores of some rows, by mask or by index."""
        own = {
            name: replace(
                one,
                values=one.values[rows],
                blocks=None if one.blocks is None else one.blocks[rows],
            )
            for name, one in self.own.items()
        }
        beside = {name: values[rows] for name, values in self.beside.items()}
        return Scores(task=self.task, values=self.values[rows], beside=beside, own=own)


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

    Of several labels (n, k), 0 or 1 each, in the order of ``classes``; of a clustering the number
    of each row's group, which need not be a cluster. Raises MlgitopsError when a value is missing
    or is no class of the model: leave such rows out.
    """
    array = np.asarray(values if isinstance(values, np.ndarray) else list(values))
    if task in ("regression", "forecasting", "ranking"):
        return _numbers(array)
    if task == "multilabel-classification":
        return _flags(array, classes)
    if task == "clustering":
        names = [class_name(value) for value in array.tolist()]
        groups = {name: code for code, name in enumerate(sorted(set(names)))}
        return np.array([groups[name] for name in names], dtype=np.float64)
    index = {name: code for code, name in enumerate(classes)}
    distinct = {value: class_name(value) for value in dict.fromkeys(array.tolist())}
    for value, name in distinct.items():
        if name not in index:
            raise MlgitopsError(
                f"the target holds {value!r}, which is none of the classes {list(classes)}",
                hint="leave out rows without a label; retrain when a class is new",
            )
    return np.array([index[distinct[value]] for value in array.tolist()], dtype=np.float64)


def _flags(array: npt.NDArray[np.generic], classes: tuple[str, ...]) -> Floats:
    numbers = _numbers(array)
    if numbers.ndim != 2 or numbers.shape[1] != len(classes):
        raise MlgitopsError(
            f"the target is {numbers.shape}, and there are {len(classes)} labels",
            hint="name one column a label in evaluation.target",
        )
    for name, column in zip(classes, numbers.T, strict=True):
        odd = column[(column != 0) & (column != 1)]
        if len(odd):
            raise MlgitopsError(
                f"label {name!r} is {odd[0]:g} in some row", hint="a label is 0 or 1 in each row"
            )
    return numbers


def _numbers(array: npt.NDArray[np.generic]) -> Floats:
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise MlgitopsError(
            f"the target is not numeric: {error}", hint="this task needs a number per row"
        ) from error
    if not np.isfinite(numbers).all():
        place = np.argwhere(~np.isfinite(numbers))[0]
        raise MlgitopsError(
            f"the target is {numbers[tuple(place)]} in row {place[0]}",
            hint="leave out rows without a label",
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
