"""The numbers of a step's JSON outputs: what `runs` and `diff` compare, without any call of ours.

A number in nested objects is a metric by its dotted name; ``{value, low, high}`` is one number with
its interval. Lists are series and no metrics; true and false are no numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from mlgitops.core.digests import JSON

MOST: Final = 1000
DEEPEST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number, with the ends of its interval where those are known."""

    value: float
    low: float | None = None
    high: float | None = None


def measures_in(value: JSON) -> dict[str, Measure]:
    """Return the finite numbers of ``value`` by dotted name: the first thousand, eight deep."""
    found: dict[str, Measure] = {}
    for name, one in islice(_walk(value, (), DEEPEST), MOST):
        found.setdefault(name, one)
    return found


def to_json(measure: Measure) -> JSON:
    """Return a number, or ``{value, low, high}``."""
    if measure.low is None or measure.high is None:
        return measure.value
    return {"value": measure.value, "low": measure.low, "high": measure.high}


def from_json(value: JSON) -> Measure:
    """Read what ``to_json`` wrote; ValueError for something else."""
    found = _interval(value) if isinstance(value, dict) else _number(value)
    if found is None:
        raise ValueError(f"not a number: {value!r}")
    return found if isinstance(found, Measure) else Measure(value=found)


def _walk(value: JSON, names: tuple[str, ...], deep: int) -> Iterator[tuple[str, Measure]]:
    if isinstance(value, dict) and deep:
        interval = _interval(value)
        if interval is not None and names:
            yield ".".join(names), interval
        for key, item in value.items():
            if interval is None or not names or key not in ("value", "low", "high"):
                yield from _walk(item, (*names, key), deep - 1)
        return
    number = _number(value)
    if number is not None and names:
        yield ".".join(names), Measure(value=number)


def _interval(value: Mapping[str, JSON]) -> Measure | None:
    found, low, high = (_number(value.get(key)) for key in ("value", "low", "high"))
    if found is None or low is None or high is None:
        return None
    return Measure(value=found, low=low, high=high)


def _number(value: JSON) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
