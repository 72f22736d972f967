"""How many rows it would take for a comparison to decide."""

from __future__ import annotations

import math

import numpy as np

from mlgitops.ml.labels import Floats

# Below this no large-sample theory holds, and nothing that two models do alike proves anything.
MIN_ROWS = 30
# The chance that a comparison of equal models passes, which ``n_needed`` is computed for.
POWER = 0.80


def needed(
    sd: float, unsure: float, margin: float, improvement: float, n: int, confidence: float
) -> int | None:
    """Return the rows for a pass with 80 % power, at least 30, also if these ``n`` stay part of it.

    They were looked at because they did not decide, so they are worse than chance would have it:
    the rows that come have to make up for them. At a margin of zero equal models never pass: then
    the difference is taken for what it looks like. ``unsure``: how far ``sd`` may be off, relative;
    that it may be larger costs more power than it gains where it is smaller.
    """
    drift = 0.0 if margin > 0 else improvement
    if margin + drift <= 0:
        return None
    sure = quantile(confidence) * sd
    power = quantile(POWER) * sd * math.hypot(1, (quantile(confidence) + quantile(POWER)) * unsure)

    def enough(rows: int) -> bool:
        gained = n * improvement + (rows - n) * drift + rows * margin
        return gained - sure * math.sqrt(rows) >= power * math.sqrt(rows - n)

    alone = math.ceil(((sure + power) / (margin + drift)) ** 2)
    low = max(alone, n + 1, MIN_ROWS) - 1
    step = 1
    while not enough(low + step):
        step *= 2
    # Convex and not enough at n, so that there is one crossing.
    while step > 1:
        step //= 2
        if not enough(low + step):
            low += step
    return low + 1


def doubt(psi: Floats) -> float:
    """Return the standard error of the sd of ``psi`` as a share of it; large where tails are."""
    spread = psi - psi.mean()
    square = float(np.mean(spread**2))
    if square == 0.0:
        return 0.0
    return math.sqrt(max(float(np.mean(spread**4)) / square**2 - 1, 0.0) / (4 * len(psi)))


def quantile(level: float) -> float:
    """Return the quantile of the normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(level))
