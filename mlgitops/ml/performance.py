"""Is the model in use still as good as at its release? For rows whose true value is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import Direction
from mlgitops.ml.influence import influence
from mlgitops.ml.intervals import interval
from mlgitops.ml.labels import Floats, Scores
from mlgitops.ml.metrics import check_metrics, direction, undefined
from mlgitops.ml.needed import MIN_ROWS, POWER
from mlgitops.ml.profiles import Level, read

Standing = Literal["healthy", "degraded", "unclear", "not enough data"]

ALPHA = 0.01
# A tenth more error than at release: what a team would want to hear about.
TOLERATED = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A metric then (at release) and now, with the two-sided interval of now at ``confidence``.

    ``tolerated``: how much worse it may be, in the metric's unit. ``needed``: the rows that would
    decide, when there are too few; None when no number would. ``reason``: why ``now`` is None.
    """

    metric: str
    better: Direction
    then: float
    now: float | None
    low: float | None
    high: float | None
    confidence: float
    rows: int
    tolerated: float
    standing: Standing
    needed: int | None = None
    reason: str | None = None


def performance(
    profile: JSON,
    target: Floats,
    scores: Scores,
    metric: str,
    *,
    alpha: float = ALPHA,
    tolerated: float = TOLERATED,
    confidence: float = 0.95,
) -> Performance:
    """Compare ``metric`` on rows with known true values with the release's own, from its profile.

    The two sets of rows are different, so both count as samples. Degraded: worse beyond chance
    (one-sided error ``alpha``) and by more than ``tolerated``, the share by which the error may
    grow: of the metric itself, or of its distance to 1 where higher is better. Healthy: proven not
    worse than that. An improvement is never degraded. Raises MlgitopsError for a metric that the
    release does not know.
    """
    check_metrics(scores.task, [metric], scores.own)
    levels = read(profile).performance
    if metric not in levels:
        raise MlgitopsError(
            f"the release recorded no {metric}",
            hint=f"it recorded {', '.join(levels) or 'none: release it with a target'}",
        )
    then, better = levels[metric], direction(metric, scores)
    room = tolerated * (then.value if better == "lower" else 1 - then.value)
    reason = undefined(metric, target, scores)
    if reason is not None or len(target) < 2:
        return Performance(
            metric=metric,
            better=better,
            then=then.value,
            now=None,
            low=None,
            high=None,
            confidence=confidence,
            rows=len(target),
            tolerated=room,
            standing="not enough data",
            needed=MIN_ROWS,
            reason=reason or "there is one row only",
        )
    around = interval(metric, target, scores, confidence)
    psi = influence(metric, target, scores).psi
    gain = around.value - then.value if better == "higher" else then.value - around.value
    standing, needed = _judge(gain, float(psi.std(ddof=1)), len(psi), then, room, alpha)
    return Performance(
        metric=metric,
        better=better,
        then=then.value,
        now=around.value,
        low=around.low,
        high=around.high,
        confidence=confidence,
        rows=len(psi),
        tolerated=room,
        standing=standing,
        needed=needed,
    )


def _judge(
    gain: float, sd: float, rows: int, then: Level, room: float, alpha: float
) -> tuple[Standing, int | None]:
    """Judge an improvement ``gain`` of ``rows`` that spread by ``sd``; give the rows needed."""
    from scipy.special import ndtri
    from scipy.stats import t

    error = math.hypot(sd / math.sqrt(rows), then.sd / math.sqrt(then.rows))
    reach = float(t.ppf(1 - alpha, min(rows, then.rows) - 1)) * error
    if rows >= MIN_ROWS and gain + reach < 0 and gain < -room:
        return "degraded", None
    if rows >= MIN_ROWS and gain - reach > -room:
        return "healthy", None
    z = float(ndtri(1 - alpha) + ndtri(POWER))
    # What the window may contribute, after what the release's own rows leave uncertain.
    left = (room / z) ** 2 - then.sd**2 / then.rows
    needed = max(math.ceil(sd**2 / left), MIN_ROWS) if left > 0 else None
    if needed is None or rows >= needed:
        return "unclear", None
    return "not enough data", needed
