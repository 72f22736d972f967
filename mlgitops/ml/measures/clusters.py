"""Metrics of a clustering against groups that are known: whether rows that belong together lie
together, whatever the clusters are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlgitops.ml.labels import Floats, Scores
from mlgitops.ml.measures.parts import Function, Influence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shares:
    """Of each row, (n,): the share of rows in its group, in its cluster, and in both.

    ``sizes``: rows by group, by cluster, and by both.
    """

    group: Floats
    cluster: Floats
    both: Floats
    sizes: tuple[Floats, Floats, Floats]


def _shares(target: Floats, scores: Scores) -> _Shares:
    _, groups = np.unique(target, return_inverse=True)
    _, clusters = np.unique(np.asarray(scores.labels()), return_inverse=True)
    _, cells = np.unique(groups * (clusters.max() + 1) + clusters, return_inverse=True)
    sizes = tuple(np.bincount(one).astype(np.float64) for one in (groups, clusters, cells))
    n = len(target)
    return _Shares(
        group=(sizes[0] / n)[groups],
        cluster=(sizes[1] / n)[clusters],
        both=(sizes[2] / n)[cells],
        sizes=(sizes[0], sizes[1], sizes[2]),
    )


def _adjusted_rand(target: Floats, scores: Scores, at: float) -> Influence:
    """Hubert and Arabie (1985); the influence values are those of its limit in many rows."""
    found, n = _shares(target, scores), len(target)
    groups, clusters, both = (float((x * (x - 1)).sum() / 2) for x in found.sizes)
    chance = groups * clusters / (n * (n - 1) / 2)
    value = (both - chance) / ((groups + clusters) / 2 - chance)
    a, b, s = (float(x.mean()) for x in (found.group, found.cluster, found.both))
    da, db, ds = (2 * (x - x.mean()) for x in (found.group, found.cluster, found.both))
    product = a * db + b * da
    bottom = (a + b) / 2 - a * b
    psi = (ds - product) / bottom - (s - a * b) / bottom**2 * ((da + db) / 2 - product)
    return Influence(value=value, psi=psi, scale="signed", events=n)


def _information(target: Floats, scores: Scores) -> tuple[Floats, Floats, Floats]:
    """Return what each row says of both, of its group and of its cluster, in nats."""
    found = _shares(target, scores)
    shared = np.log(found.both / (found.group * found.cluster))
    return shared, -np.log(found.group), -np.log(found.cluster)


def _of(top: Floats, bottom: Floats) -> Influence:
    # The mean of a logarithm of shares moves with a row by what the row says, less the mean.
    below = float(bottom.mean())
    value = float(top.mean()) / below
    psi = ((top - top.mean()) - value * (bottom - below)) / below
    clipped = min(max(value, 0.0), 1.0)
    return Influence(value=clipped, psi=psi, scale="bounded", events=len(top))


def _homogeneity(target: Floats, scores: Scores, at: float) -> Influence:
    shared, group, _ = _information(target, scores)
    return _of(shared, group)


def _completeness(target: Floats, scores: Scores, at: float) -> Influence:
    shared, _, cluster = _information(target, scores)
    return _of(shared, cluster)


def _v_measure(target: Floats, scores: Scores, at: float) -> Influence:
    shared, group, cluster = _information(target, scores)
    return _of(2 * shared, group + cluster)


METRICS: Final[Mapping[str, Function]] = {
    "adjusted_rand": _adjusted_rand,
    "homogeneity": _homogeneity,
    "completeness": _completeness,
    "v_measure": _v_measure,
}


def undefined(name: str, target: Floats, scores: Scores) -> str | None:
    """Return why these rows do not define the metric, or None when they do."""
    one_group = float(np.ptp(target)) == 0.0
    one_cluster = int(np.ptp(np.asarray(scores.labels()))) == 0
    if one_group and name != "completeness":
        return "all rows are of one group"
    if one_cluster and name in ("completeness", "adjusted_rand"):
        return "all rows lie in one cluster"
    if name == "adjusted_rand" and len(np.unique(target)) == len(target):
        return "each row is a group of its own"
    return None
