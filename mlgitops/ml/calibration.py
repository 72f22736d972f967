"""Are the probabilities true? Of rows that are given 30 %, three in ten should be of the class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlgitops.ml.clusters import gathered
from mlgitops.ml.intervals import wilson
from mlgitops.ml.labels import Codes, Floats
from mlgitops.ml.needed import MIN_ROWS, quantile

BINS: Final = 10
_LEAST: Final = 1e-6
_STEPS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows with like probabilities: the mean of these, and the share that is of the class.

    ``observed_low`` and ``observed_high``: its 95 % interval (Wilson).
    """

    rows: int
    predicted: float
    observed: float
    observed_low: float
    observed_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The logit of the truth as a line of the logit of the probability (Cox, 1958).

    Slope 1 and intercept 0 are perfect. A slope below 1: probabilities are too extreme. Each is
    (value, low, high) with its 95 % interval, from the sandwich of Huber and White.
    """

    slope: tuple[float, float, float]
    intercept: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """``error``: the mean distance of predicted and observed over the bins (ECE).

    It is never nothing, for chance alone moves each bin: compare it between models, or look at the
    line. ``line``: None where the rows do not define one, ``reason`` says why.
    """

    bins: tuple[Bin, ...]
    error: float
    line: Line | None
    reason: str | None = None


def calibration(truth: Floats, p: Floats, clusters: Codes | None = None) -> Calibration:
    """Return how true probabilities ``p`` are of ``truth``, 0 or 1, both (n,), n at least 1.

    Ten bins of equally many rows; rows of one probability are never torn apart.
    """
    bins = tuple(_bins(truth, p))
    error = sum(one.rows * abs(one.predicted - one.observed) for one in bins) / len(p)
    reason = _undefined(truth, p)
    line = None if reason is not None else _line(truth, p, clusters)
    if reason is None and line is None:
        reason = "the probabilities tell the classes apart without a mistake"
    return Calibration(bins=bins, error=error, line=line, reason=reason)


def _bins(truth: Floats, p: Floats) -> list[Bin]:
    order = np.argsort(p, kind="stable")
    ranked = p[order]
    cuts = np.linspace(0, len(p), min(BINS, len(p)) + 1).round().astype(int)[1:-1]
    # Before the first row of its probability: the order of equal ones must not matter.
    starts = np.unique(np.searchsorted(ranked, ranked[cuts], side="left"))
    found = []
    for rows in np.split(order, starts[starts > 0]):
        observed = float(truth[rows].mean())
        low, high = wilson(observed, len(rows), 0.975)
        found.append(
            Bin(
                rows=len(rows),
                predicted=float(p[rows].mean()),
                observed=observed,
                observed_low=low,
                observed_high=high,
            )
        )
    return found


def _undefined(truth: Floats, p: Floats) -> str | None:
    if len(p) < MIN_ROWS:
        return f"there are fewer than {MIN_ROWS} rows"
    if float(np.ptp(truth)) == 0.0:
        return "all rows are of one class"
    if float(np.ptp(p)) == 0.0:
        return "all probabilities are equal"
    return None


def _line(truth: Floats, p: Floats, clusters: Codes | None) -> Line | None:
    """Fit by Newton's method; None where the likelihood has no maximum."""
    clipped = np.clip(p, _LEAST, 1 - _LEAST)
    x = np.column_stack([np.ones(len(p)), np.log(clipped / (1 - clipped))])
    beta = np.array([0.0, 1.0])
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-np.clip(x @ beta, -500, 500)))
        information = (x * (said * (1 - said))[:, None]).T @ x
        try:
            step = np.linalg.solve(information, x.T @ (truth - said))
        except np.linalg.LinAlgError:
            return None
        # A step that is too long leaves the region where the curve is like a parabola.
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if not np.isfinite(beta).all() or float(np.abs(beta).max()) > 1e3:
            return None
        if float(np.abs(step).max()) < 1e-9:
            break
    else:
        return None
    bread = np.linalg.inv(information)
    moves = (x * (truth - said)[:, None]) @ bread * len(p)
    ends = [_around(float(beta[at]), gathered(moves[:, at], clusters)) for at in (0, 1)]
    return Line(intercept=ends[0], slope=ends[1])


def _around(value: float, moves: Floats) -> tuple[float, float, float]:
    reach = quantile(0.975) * float(moves.std(ddof=1)) / math.sqrt(len(moves))
    return value, value - reach, value + reach
