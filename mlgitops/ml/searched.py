"""Where is a model weak? Slices that nobody declared, found among all values of some columns.

Each value of each column, and each pair of values of two columns, is held against all other rows.
Whoever looks at a thousand slices finds some that look bad by chance: each one has to be worse at
a confidence that holds for all of them together (Bonferroni), so that on a model which is as good
everywhere the chance to report any is at most 5 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from mlgitops.ml.clusters import coarser, count, gathered
from mlgitops.ml.influence import influence, undefined
from mlgitops.ml.intervals import hall
from mlgitops.ml.labels import Codes, Floats, Mask, Scores, class_name
from mlgitops.ml.metrics import MISSING, direction
from mlgitops.ml.needed import MIN_ROWS

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE: Final = 0.95
_MOST_FOUND: Final = 10
_MOST_VALUES: Final = 20
_RANGES: Final = 5
# A column of numbers with more values than this is cut into ranges.
_DISTINCT: Final = 12
# So many standard errors worse than the whole, or it is not looked at any closer: it is counted.
_CLOSER: Final = 2.0

Place: TypeAlias = "tuple[tuple[str, str], ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weak:
    """A slice that is worse than all other rows: ``where`` is column to value.

    ``value`` and ``rest``: the metric there and elsewhere. ``at_least``: how much worse it is, at
    the confidence that holds for all slices together; positive, in the metric's unit.
    """

    where: Mapping[str, str]
    rows: int
    value: float
    rest: float
    at_least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What was found, the worst first, among ``looked_at`` slices."""

    looked_at: int
    weak: tuple[Weak, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    place: Place
    rows: Mask
    value: float
    worse: float


def search(
    columns: pd.DataFrame,
    metric: str,
    target: Floats,
    scores: Scores,
    clusters: Codes | None = None,
) -> Searched:
    """Return at most ten slices of ``columns``, the same rows, where ``metric`` is worse.

    Numbers with more than 12 values are cut into five ranges of equally many rows; of the other
    columns the twenty largest values count. A slice has at least 30 rows and at most half of them.
    The order of rows has no influence. ``metric`` must be defined on all rows.
    """
    sign = -1.0 if direction(metric, scores) == "higher" else 1.0
    whole = influence(metric, target, scores).value
    looked, seen = 0, dict[Place, float]()
    promising: list[_Looked] = []
    for place, rows in _candidates({str(name): _parts(columns[name]) for name in columns}):
        if undefined(metric, target[rows], scores.take(rows)) is not None:
            continue
        looked += 1
        found = influence(metric, target[rows], scores.take(rows))
        seen[place] = sign * found.value
        error = float(found.psi.std(ddof=1)) / np.sqrt(len(found.psi))
        if sign * (found.value - whole) > _CLOSER * error and _worse_than_parts(place, seen):
            worse = sign * (found.value - whole) / max(error, 1e-300)
            promising.append(_Looked(place=place, rows=rows, value=found.value, worse=worse))
    level = 1 - (1 - CONFIDENCE) / max(looked, 1)
    weak = [
        one
        for candidate in sorted(promising, key=lambda one: (-one.worse, one.place))
        if (one := _judged(candidate, metric, target, scores, clusters, level, sign)) is not None
    ]
    weak.sort(key=lambda one: (-one.at_least, sorted(one.where.items())))
    return Searched(looked_at=looked, weak=tuple(weak[:_MOST_FOUND]))


def _worse_than_parts(place: Place, seen: Mapping[Place, float]) -> bool:
    """Return whether a pair is worse than each of its parts; they may be too large to be slices."""
    return all(seen[place] > seen.get((part,), -np.inf) for part in place if len(place) > 1)


def _judged(
    candidate: _Looked,
    metric: str,
    target: Floats,
    scores: Scores,
    clusters: Codes | None,
    level: float,
    sign: float,
) -> Weak | None:
    """Hold a slice against all other rows."""
    inside, outside = candidate.rows, ~candidate.rows
    if undefined(metric, target[outside], scores.take(outside)) is not None:
        return None
    here = influence(metric, target[inside], scores.take(inside))
    rest = influence(metric, target[outside], scores.take(outside))
    moves = np.empty(len(target))
    moves[inside] = here.psi * (len(target) / len(here.psi))
    moves[outside] = -rest.psi * (len(target) / len(rest.psi))
    units = clusters if here.clusters is None else _coarse(scores, clusters)
    freedom = here.events - 1
    if units is not None:
        freedom = min(freedom, count(units[inside], 0) - 1)
        if freedom < MIN_ROWS - 1:
            return None
    low, high = hall(here.value - rest.value, gathered(moves, units), level, freedom)
    at_least = low if sign > 0 else -high
    if at_least <= 0:
        return None
    return Weak(
        where=dict(candidate.place),
        rows=int(inside.sum()),
        value=here.value,
        rest=rest.value,
        at_least=at_least,
    )


def _coarse(scores: Scores, clusters: Codes | None) -> Codes | None:
    """Return the rows that vary together where they are ranked in groups."""
    return coarser(clusters, np.asarray(scores.beside["group"], dtype=np.int64))


def _candidates(parts: Mapping[str, Mapping[str, Mask]]) -> Iterator[tuple[Place, Mask]]:
    """Yield each value, then each pair of values of two columns, that can be a slice."""
    for name, values in parts.items():
        for value, rows in values.items():
            if _sized(rows):
                yield ((name, value),), rows
    for one, other in combinations(parts, 2):
        for value, rows in parts[one].items():
            for second, others in parts[other].items():
                both = rows & others
                if _sized(both):
                    yield ((one, value), (other, second)), both


def _sized(rows: Mask) -> bool:
    return MIN_ROWS <= int(rows.sum()) <= len(rows) / 2


def _parts(values: pd.Series) -> dict[str, Mask]:
    """Return the rows of each value, or of each range of numbers, by its name."""
    import pandas as pd

    series = values.reset_index(drop=True)
    missing = series.isna().to_numpy()
    found: dict[str, Mask] = {}
    numeric = pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
    if numeric and series.nunique() > _DISTINCT:
        numbers = series.to_numpy(dtype=np.float64)
        finite = np.isfinite(numbers)
        edges = np.unique(np.quantile(numbers[finite], np.linspace(0, 1, _RANGES + 1)))
        for low, high in pairwise(edges):
            upper = (numbers <= high) if high == edges[-1] else (numbers < high)
            found[f"{low:g} to {high:g}"] = np.asarray((numbers >= low) & upper)
        found["(infinite)"] = np.asarray(~finite & ~missing)
    else:
        texts = series.astype(object).map(class_name).to_numpy()
        counted = pd.Series(texts[~missing]).value_counts()
        ranked: Sequence[str] = sorted(counted.index, key=lambda name: (-counted[name], name))
        for name in ranked[:_MOST_VALUES]:
            found[name] = np.asarray((texts == name) & ~missing)
    if missing.any():
        found[MISSING] = missing
    return found
