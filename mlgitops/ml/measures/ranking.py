"""Metrics of an order: the mean over groups (queries) of how well the first rows were chosen.

Groups without a relevant row say nothing and are left out. The order of rows with one score is
nobody's choice: where a metric adds up what stands at each place (ndcg, precision, recall), such
rows share their places; where the first hit matters (map, mrr, hit_rate), irrelevant ones come
first, so that a model which scores all rows alike does not look good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlgitops.ml.labels import Codes, Floats, Mask, Scores
from mlgitops.ml.measures.parts import Function, Influence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ordered:
    """The rows by group, the highest score first: all arrays (n,), ``groups`` from 0 to k - 1.

    ``place``: within the group, from 1. ``gain``: the relevance; ``shared``: the mean of it, and
    ``hits`` that of being relevant, over the rows of one score.
    """

    groups: Codes
    place: Floats
    gain: Floats
    shared: Floats
    hits: Floats
    count: int

    def sums(self, values: Floats) -> Floats:
        """Return the sum of ``values`` in each group, shape (k,)."""
        found = np.bincount(self.groups, weights=values, minlength=self.count)
        return np.asarray(found, dtype=np.float64)


def _ordered(target: Floats, scores: Scores, best: bool = False) -> _Ordered:
    """Return the rows in the order of their scores, or (``best``) of their relevance."""
    names, codes = np.unique(scores.beside["group"], return_inverse=True)
    values = target if best else scores.values
    order = np.lexsort((target, -values, codes))
    groups, gain = codes[order], target[order]
    first = np.flatnonzero(np.diff(groups, prepend=-1))
    before = np.repeat(first, np.diff(first, append=len(order)))
    place = np.asarray(np.arange(len(order)) - before + 1, dtype=np.float64)
    moved = (np.diff(groups, prepend=-1) != 0) | (np.diff(values[order], prepend=np.nan) != 0)
    block = np.cumsum(moved) - 1
    size = np.bincount(block)
    return _Ordered(
        groups=groups,
        place=place,
        gain=gain,
        shared=(np.bincount(block, weights=gain) / size)[block],
        hits=(np.bincount(block, weights=gain > 0) / size)[block],
        count=len(names),
    )


def _dcg(rows: _Ordered, at: float) -> Floats:
    seen = rows.place <= at
    return rows.sums(np.where(seen, rows.shared / np.log2(rows.place + 1), 0.0))


def _ndcg(target: Floats, scores: Scores, at: float) -> Floats:
    most = _dcg(_ordered(target, scores, best=True), at)
    return _dcg(_ordered(target, scores), at) / np.where(most > 0, most, 1.0)


def _precision(target: Floats, scores: Scores, at: float) -> Floats:
    rows = _ordered(target, scores)
    return rows.sums(np.where(rows.place <= at, rows.hits, 0.0)) / at


def _recall(target: Floats, scores: Scores, at: float) -> Floats:
    rows = _ordered(target, scores)
    found = rows.sums(np.where(rows.place <= at, rows.hits, 0.0))
    return found / np.maximum(rows.sums(_relevant(rows)), 1.0)


def _map(target: Floats, scores: Scores, at: float) -> Floats:
    rows = _ordered(target, scores)
    hit = _relevant(rows)
    so_far = np.cumsum(hit)
    starts = np.flatnonzero(np.diff(rows.groups, prepend=-1))
    earlier = (so_far - hit)[starts][rows.groups]
    share = (so_far - earlier) / rows.place
    found = rows.sums(np.where(rows.place <= at, hit * share, 0.0))
    return found / np.maximum(np.minimum(rows.sums(hit), at), 1.0)


def _relevant(rows: _Ordered) -> Floats:
    return np.asarray(rows.gain > 0, dtype=np.float64)


def _mrr(target: Floats, scores: Scores, at: float) -> Floats:
    rows = _ordered(target, scores)
    first = np.full(rows.count, np.inf)
    hit = (rows.gain > 0) & (rows.place <= at)
    np.minimum.at(first, rows.groups[hit], rows.place[hit])
    return np.asarray(1 / first, dtype=np.float64)


def _hit_rate(target: Floats, scores: Scores, at: float) -> Floats:
    return np.asarray(_mrr(target, scores, at) > 0, dtype=np.float64)


def _of_groups(one: Callable[[Floats, Scores, float], Floats]) -> Function:
    """The mean of ``one`` over the groups that have a relevant row."""

    def of(target: Floats, scores: Scores, at: float) -> Influence:
        values = one(target, scores, np.inf if np.isnan(at) else at)
        kept, codes = _kept(target, scores)
        value, number = float(values[kept].mean()), int(kept.sum())
        moved = np.where(kept, values - value, 0.0)
        # Added up in each group it is how far that group is from the mean.
        psi = (moved * len(target) / (number * np.bincount(codes)))[codes]
        return Influence(value=value, psi=psi, scale="bounded", events=number, clusters=codes)

    return of


def _kept(target: Floats, scores: Scores) -> tuple[Mask, Codes]:
    _, codes = np.unique(scores.beside["group"], return_inverse=True)
    return np.bincount(codes, weights=target > 0) > 0, np.asarray(codes, dtype=np.int64)


METRICS: Final[Mapping[str, Function]] = {
    "ndcg": _of_groups(_ndcg),
    "map": _of_groups(_map),
    "mrr": _of_groups(_mrr),
    "hit_rate": _of_groups(_hit_rate),
    "precision": _of_groups(_precision),
    "recall": _of_groups(_recall),
}


def undefined(name: str, target: Floats, scores: Scores, at: float) -> str | None:
    """Return why these rows do not define the metric, or None when they do."""
    if float(target.min()) < 0:
        return "a relevance is negative"
    if not (target > 0).any():
        return "no group has a relevant row"
    if name in ("precision", "recall", "hit_rate") and np.isnan(at):
        return f"it needs how many of the first rows count, as in {name}@10"
    return None
