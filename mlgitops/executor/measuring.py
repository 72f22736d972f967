"""A custom metric: the user's function of true and predicted values, as a number for each row.

A function that gives one number for all rows is asked again on resampled blocks of them, always the
same ones: how the number goes with a block's weight is what its rows count (the infinitesimal
jackknife of the bootstrap, Efron 2014), on the scale of the resampled numbers' own spread. Unlike
leaving blocks out it also serves what is not smooth, such as a median. The values have the metric
as their mean, and their spread is its error.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

# What the function may be given beside these, if it has a parameter for it.
_OPTIONAL: Final = "rows"
# Resamples: as many as read so many rows in all, between the fewest and the most.
_READ: Final = 50_000_000
_FEWEST: Final = 200
_MOST: Final = 1000
_SEED: Final = 7


class Unusable(Exception):
    """What came back is no metric."""


def asked(function: Callable[..., object], given: Mapping[str, object]) -> dict[str, object]:
    """Return what ``function`` is called with: ``rows`` only where it takes them."""
    kept = {name: value for name, value in given.items() if name != "blocks"}
    try:
        taken = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return kept
    if not any(one.name == _OPTIONAL or one.kind is one.VAR_KEYWORD for one in taken):
        kept.pop(_OPTIONAL, None)
    return kept


def measured(
    function: Callable[..., object], given: Mapping[str, object], blocks: npt.NDArray[np.int64]
) -> dict[str, Numbers | npt.NDArray[np.int64]]:
    """Return ``values``, shape (n,), and ``blocks``: of n rows, or of none when rows stand alone.

    ``blocks``: which rows are drawn together, numbers from 0. Raises Unusable.
    """
    count = len(blocks)
    # A function may write to what it gets, and there is more to ask.
    found = _number(function(**{name: _copied(value) for name, value in given.items()}))
    if found.shape == (count,):
        _refuse_nan(found, "row")
        return {"values": found, "blocks": np.empty(0, dtype=np.int64)}
    if found.shape not in ((), (1,)):
        raise Unusable(
            f"it returned {found.shape} for {count} rows; return one number for each, or one for"
            " all"
        )
    whole = float(found.reshape(()))
    _refuse_nan(np.array([whole]), "all rows, number")
    sizes = np.bincount(blocks)
    moves = _moves(function, given, blocks, len(sizes))
    # The mean over rows is the metric, and a block's sum moves it as the block does.
    values = whole + (moves * count / (len(sizes) * sizes))[blocks]
    return {"values": values, "blocks": blocks}


def _moves(
    function: Callable[..., object],
    given: Mapping[str, object],
    blocks: npt.NDArray[np.int64],
    number: int,
) -> Numbers:
    """Return how each of ``number`` blocks moves the metric, as a mean of them would be moved."""
    order = np.argsort(blocks, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1)
    draws = int(np.clip(_READ // len(blocks), _FEWEST, _MOST))
    counts = np.random.default_rng(_SEED).multinomial(number, np.full(number, 1 / number), draws)
    found = np.empty(draws)
    for draw, weights in enumerate(counts):
        taken = np.concatenate([np.tile(rows[at], n) for at, n in enumerate(weights) if n])
        one = _number(function(**{name: _some(value, taken) for name, value in given.items()}))
        if one.size != 1:
            raise Unusable("it returned one number for all rows, and several for some of them")
        found[draw] = float(one.reshape(()))
    _refuse_nan(found, "some resampled rows, draw")
    moves = number * (counts - 1.0).T @ (found - found.mean()) / draws
    moves -= moves.mean()
    spread = float(moves.std(ddof=1)) / math.sqrt(number)
    # The draws are few: their noise widens what a block seems to move, not the spread of them all.
    scale = float(found.std(ddof=1)) / spread if spread > 0 else 0.0
    return np.asarray(moves * scale * math.sqrt(number / (number - 1)), dtype=np.float64)


def _copied(value: Any) -> Any:
    return value.copy() if hasattr(value, "copy") else value


def _some(value: Any, rows: npt.NDArray[np.int64]) -> Any:
    return value.iloc[rows].reset_index(drop=True) if hasattr(value, "iloc") else value[rows]


def _number(value: object) -> Numbers:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Unusable(f"it returned {type(value).__name__}, not a number") from error


def _refuse_nan(values: Numbers, what: str) -> None:
    odd = np.flatnonzero(~np.isfinite(values))
    if len(odd):
        raise Unusable(f"it returned {values[odd[0]]} for {what} {odd[0]}")
