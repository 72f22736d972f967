"""Confidence intervals of metrics, and the paired non-inferiority test between two models.

All of it is analytical, from influence values (``ml.influence``): no seed matters, the same rows
give the same bytes. Means of losses are skewed (a log loss has a long tail), so their interval is
Hall's (1992), Student's t after a correction for skewness; for a symmetric sample it is Student's
interval. Quantities between 0 and 1 are judged on the logit scale, shares by Wilson's score.
Rows count as independent unless their clusters are given (``ml.clusters``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import Direction
from mlgitops.ml.clusters import coarser, count, gathered
from mlgitops.ml.influence import influence
from mlgitops.ml.labels import Codes, Floats, Scores
from mlgitops.ml.measures.classes import right
from mlgitops.ml.measures.parts import Influence
from mlgitops.ml.metrics import check_metrics, direction, undefined
from mlgitops.ml.needed import MIN_ROWS, doubt, needed, quantile

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A metric with its two-sided interval at ``confidence``."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A candidate against the live model, on the same rows.

    ``delta`` is candidate minus live in the metric's own unit; ``low`` and ``high`` bound it, each
    one-sided at ``confidence`` (together the two-sided interval at 2 x confidence - 1). ``limit``
    is the worst delta that passes. ``n_needed``, when inconclusive: rows for a pass with 80 %
    power at the next look, if the models are equal on the rows that come (at a margin of zero: if
    the difference stays what it is); None when no number of rows would do.
    """

    metric: str
    better: Direction
    live: float
    candidate: float
    delta: float
    low: float
    high: float
    limit: float
    confidence: float
    verdict: Verdict
    n: int
    n_needed: int | None

    @property
    def improvement(self) -> float:
        """The difference, positive when the candidate is better."""
        return self.delta if self.better == "higher" else -self.delta


def interval(
    metric: str,
    target: Floats,
    scores: Scores,
    confidence: float = 0.95,
    clusters: Codes | None = None,
) -> Interval:
    """Return a metric's value and two-sided interval.

    ``clusters``: rows of one number belong together. Raises MlgitopsError when the rows do not
    define the metric.
    """
    found = _defined(metric, target, scores)
    low, high = _bounds(found, (1 + confidence) / 2, coarser(clusters, found.clusters))
    return Interval(
        metric=metric,
        value=found.value,
        low=low,
        high=high,
        n=len(target),
        confidence=confidence,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two models on the same rows, ready to be judged at any margin and confidence.

    ``right``: for a share, which of its rows each of the two has right (candidate, live).
    ``clusters``: rows of one number belong together.
    """

    metric: str
    better: Direction
    now: Influence
    then: Influence
    right: tuple[Floats, Floats] | None
    n: int
    clusters: Codes | None = None

    @property
    def moves(self) -> Floats:
        """How much each row (or cluster of rows) moves the difference."""
        return gathered(_moves(self.now) - _moves(self.then), self.clusters)

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return both bounds of candidate minus live, each one-sided at ``confidence``."""
        if self.right is not None and self.clusters is None:
            return _paired_shares(*self.right, confidence)
        moves = self.moves
        if self.right is not None and not moves.any():
            # They never disagreed: as many clusters as there are could not tell them apart.
            return _paired_shares(moves, moves, confidence)
        freedom = min(self.now.events, self.then.events, len(moves)) - 1
        delta = self.now.value - self.then.value
        return hall(delta, moves, confidence, freedom)

    def judge(self, margin: float, confidence: float, again: float | None = None) -> Comparison:
        """Return the verdict; ``again`` is the confidence of the next look, for ``n_needed``."""
        sign = 1.0 if self.better == "higher" else -1.0
        low, high = self.bounds(confidence)
        delta = self.now.value - self.then.value
        worst, best = (low, high) if sign > 0 else (-high, -low)
        units = count(self.clusters, self.n)
        verdict = _verdict(worst, best, margin, units)
        rows = None
        if verdict == "inconclusive":
            # Not the sd of the rows: where they are skewed the interval reaches further than that.
            sd = max(sign * delta - worst, 0.0) * math.sqrt(self.n) / quantile(confidence)
            unsure = doubt(self.moves)
            rows = needed(sd, unsure, margin, sign * delta, self.n, again or confidence)
            if units < MIN_ROWS and _verdict(worst, best, margin, MIN_ROWS) == "pass":
                # It would do, of enough rows or clusters that the theory holds.
                rows = math.ceil(self.n * MIN_ROWS / units)
        return Comparison(
            metric=self.metric,
            better=self.better,
            live=self.then.value,
            candidate=self.now.value,
            delta=delta,
            low=low,
            high=high,
            limit=-sign * margin,
            confidence=confidence,
            verdict=verdict,
            n=self.n,
            n_needed=rows,
        )


def pair(
    metric: str, target: Floats, live: Scores, candidate: Scores, clusters: Codes | None = None
) -> Pair:
    """Return two models side by side; all arrays hold the same rows in the same order.

    Raises MlgitopsError when the rows do not define the metric.
    """
    now, then = _defined(metric, target, candidate), _defined(metric, target, live)
    hits = None
    if metric in ("accuracy", "recall") and target.ndim == 1 and now.clusters is None:
        rows = target == 1 if metric == "recall" else np.ones(len(target), dtype=bool)
        one, other = (right(target, scores)[rows] for scores in (candidate, live))
        hits = (one, other)
    return Pair(
        metric=metric,
        better=direction(metric, candidate),
        now=now,
        then=then,
        right=hits,
        n=len(target),
        clusters=coarser(clusters, now.clusters),
    )


def compare(
    metric: str,
    target: Floats,
    live: Scores,
    candidate: Scores,
    margin: float,
    confidence: float = 0.95,
) -> Comparison:
    """Return whether ``candidate`` is no worse than ``live`` by more than ``margin``.

    ``margin`` is in the metric's unit and not negative. Pass: the lower bound of the improvement is
    above -margin. Fail: its upper bound is below -margin. Otherwise, or with fewer than 30 rows,
    inconclusive. Raises MlgitopsError as ``pair`` does.
    """
    return pair(metric, target, live, candidate).judge(margin, confidence)


def surely_worse(pairs: Sequence[Pair], margin: float, confidence: float) -> frozenset[int]:
    """Return which of ``pairs`` are worse than ``margin``, all said at ``confidence`` together.

    Holm (1979): among many slices one looks bad by chance. The surest has to be sure for all of
    them, the next one for those that are left. Nothing is needed for "none is worse": there every
    single one has to be shown (an intersection-union test, Berger 1982).
    """
    left = frozenset(range(len(pairs)))
    while left:
        sure = 1 - (1 - confidence) / len(left)
        found = {place for place in left if pairs[place].judge(margin, sure).verdict == "fail"}
        if not found:
            break
        left -= found
    return frozenset(range(len(pairs))) - left


def _verdict(worst: float, best: float, margin: float, n: int) -> Verdict:
    """Judge an improvement that lies between ``worst`` and ``best``."""
    if n < MIN_ROWS:
        return "inconclusive"
    if worst > -margin:
        return "pass"
    return "fail" if best < -margin else "inconclusive"


def _defined(metric: str, target: Floats, scores: Scores) -> Influence:
    check_metrics(scores.task, [metric], scores.own)
    if len(target) != len(scores):
        raise MlgitopsError(
            f"there are {len(target)} true values and {len(scores)} scores",
            hint="join them by row id first",
        )
    reason = undefined(metric, target, scores)
    if reason is not None:
        raise MlgitopsError(f"{metric} is undefined: {reason}", hint="compare on other rows")
    return influence(metric, target, scores)


def _bounds(found: Influence, level: float, clusters: Codes | None = None) -> tuple[float, float]:
    """Return both bounds of a single metric, each one-sided at ``level``."""
    value, psi = found.value, gathered(found.psi, clusters)
    events = min(found.events, len(psi)) if clusters is not None else found.events
    freedom = events - 1
    match found.scale:
        case "mean":
            low, high = hall(value, psi, level, freedom)
            return max(low, 0.0), high
        case "root":
            if value == 0:
                return 0.0, 0.0
            # Squares have longer tails than Hall can mend; on the log scale they have not.
            moves = gathered(_moves(found), clusters)
            low, high = hall(math.log(value), moves / value, level, freedom)
            return math.exp(low), math.exp(high)
        case "share":
            if clusters is not None:
                return _logit(value, psi, level, events)
            return wilson(value, found.events, level)
        case "explained":
            if value >= 1:
                return value, value
            # 1 - r2 is a ratio of positive means: normal on the log scale.
            low, high = hall(math.log(1 - value), -psi / (1 - value), level, freedom)
            return 1 - math.exp(high), 1 - math.exp(low)
        case "bounded":
            return _logit(value, psi, level, events)
        case "signed":
            low, high = _logit((value + 1) / 2, psi / 2, level, events)
            return 2 * low - 1, 2 * high - 1


def _moves(found: Influence) -> Floats:
    """Return the influence values; of a root by the jackknife, which sees that it is curved.

    Of a hundred rows with a few large errors the derivative alone lets 5.4 % pass instead of 4 %.
    """
    n, value = len(found.psi), found.value
    if found.scale != "root" or value == 0 or n < 2:
        return found.psi
    squares = value**2 + 2 * value * found.psi
    without = np.sqrt(np.maximum(n * value**2 - squares, 0.0) / (n - 1))
    return np.asarray((n - 1) * (without.mean() - without), dtype=np.float64)


def hall(value: float, psi: Floats, level: float, freedom: int) -> tuple[float, float]:
    """Return bounds of ``value``, the mean of rows that vary as ``psi``, corrected for skewness.

    Peter Hall, On the removal of skewness by transformation (1992): a monotone cubic of the
    studentised mean whose error is of order 1/n where Student's is of order 1/sqrt(n).
    """
    # Student's t; `scipy.stats` has the same number and takes half a second to import.
    from scipy.special import stdtrit

    n = len(psi)
    sd = _sd(psi)
    if n < 2 or sd == 0.0:
        return value, value
    skewness = float(np.mean((psi / sd) ** 3))
    reach = float(stdtrit(max(freedom, 1), level))
    step = sd / math.sqrt(n)

    def turned(x: float) -> float:
        a = skewness / math.sqrt(n)
        if abs(a) < 1e-9:
            return x
        return float((np.cbrt(1 + a * (x - a / 6)) - 1) * 3 / a)

    low = max(reach, turned(reach))
    high = max(reach, -turned(-reach))
    return value - step * low, value + step * high


def _logit(value: float, psi: Floats, level: float, events: int) -> tuple[float, float]:
    from scipy.special import stdtrit

    if value <= 0.0 or value >= 1.0:
        # All of ``events`` independent comparisons went one way: the bound that explains it.
        edge = (1 - level) ** (1 / max(events, 1))
        return (edge, 1.0) if value >= 1.0 else (0.0, 1 - edge)
    step = _sd(psi) / math.sqrt(len(psi)) / (value * (1 - value))
    reach = float(stdtrit(max(events - 1, 1), level)) * step
    middle = math.log(value / (1 - value))
    return 1 / (1 + math.exp(reach - middle)), 1 / (1 + math.exp(-reach - middle))


def wilson(share: float, n: int, level: float) -> tuple[float, float]:
    """Return bounds of a share of ``n``, each one-sided at ``level``."""
    z = quantile(level)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _paired_shares(now: Floats, then: Floats, level: float) -> tuple[float, float]:
    """Return bounds of the difference of two paired shares.

    Agresti and Min (2005): half a row is added to each of the four cells, so that two models which
    never disagreed on 50 rows are not taken for equal.
    """
    n = len(now) + 2
    gained = float((now > then).sum()) + 0.5
    lost = float((then > now).sum()) + 0.5
    middle = (gained - lost) / n
    reach = quantile(level) * math.sqrt(((gained + lost) / n - middle**2) / n)
    return middle - reach, middle + reach


def _sd(psi: Floats) -> float:
    return float(psi.std(ddof=1)) if len(psi) > 1 else 0.0
