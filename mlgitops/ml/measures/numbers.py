"""Metrics of numbers: regression and forecasting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from mlgitops.ml.labels import Floats, Scores
from mlgitops.ml.measures.parts import Function, Influence, mean, ratio, root


def _squares(target: Floats, scores: Scores) -> Floats:
    return np.square(target - scores.values)


def _errors(target: Floats, scores: Scores) -> Floats:
    return np.asarray(np.abs(target - scores.values))


def _r2(target: Floats, scores: Scores, at: float) -> Influence:
    errors = _squares(target, scores)
    spread = (target - target.mean()) ** 2
    share = float(errors.mean() / spread.mean())
    psi = -(errors - share * spread) / spread.mean()
    return Influence(value=1 - share, psi=psi, scale="explained", events=len(errors))


def _smape(target: Floats, scores: Scores, at: float) -> Influence:
    size = np.abs(target) + np.abs(scores.values)
    # Nothing was there and nothing was said: that is right.
    return mean(2 * _errors(target, scores) / np.where(size == 0, 1.0, size))


def _ratio(top: Floats, bottom: Floats) -> Influence:
    value, psi = ratio(top, bottom)
    return Influence(value=value, psi=psi, scale="mean", events=len(top))


def _relative_rmse(target: Floats, scores: Scores, at: float) -> Influence:
    ours, theirs = _squares(target, scores), (target - scores.beside["baseline"]) ** 2
    share, psi = ratio(ours, theirs)
    value = float(np.sqrt(share))
    moved = psi / (2 * value) if value > 0 else np.zeros_like(psi)
    return Influence(value=value, psi=moved, scale="mean", events=len(psi))


def _poisson(target: Floats, scores: Scores, at: float) -> Influence:
    said = scores.values
    logs = np.zeros_like(target)
    there = target > 0
    logs[there] = target[there] * np.log(target[there] / said[there])
    # Rounding makes a perfect answer's deviance a hair below nothing.
    return mean(np.maximum(2 * (logs - target + said), 0.0))


def _pinball(target: Floats, scores: Scores, at: float) -> Influence:
    short = target - scores.values
    return mean(np.maximum(at * short, (at - 1) * short))


METRICS: Final[Mapping[str, Function]] = {
    "mae": lambda target, scores, _: mean(_errors(target, scores)),
    "mape": lambda target, scores, _: mean(_errors(target, scores) / np.abs(target)),
    "rmse": lambda target, scores, _: root(_squares(target, scores)),
    "rmsle": lambda target, scores, _: root((np.log1p(target) - np.log1p(scores.values)) ** 2),
    "r2": _r2,
    "smape": _smape,
    "wape": lambda target, scores, _: _ratio(_errors(target, scores), np.abs(target)),
    "poisson_deviance": _poisson,
    "pinball": _pinball,
    "mase": lambda target, scores, _: mean(_errors(target, scores) / scores.beside["scale"]),
    "relative_mae": lambda target, scores, _: _ratio(
        _errors(target, scores), np.abs(target - scores.beside["baseline"])
    ),
    "relative_rmse": _relative_rmse,
}


def undefined(name: str, target: Floats, scores: Scores) -> str | None:
    """Return why these rows do not define the metric, or None when they do."""
    said = scores.values
    if name == "r2" and float(np.ptp(target)) == 0.0:
        return "all true values are equal"
    if name == "mape" and (target == 0).any():
        return f"{int((target == 0).sum())} true values are 0"
    if name == "wape" and not target.any():
        return "all true values are 0"
    if name == "rmsle" and min(float(target.min()), float(said.min())) < 0:
        return "a true value or a prediction is negative"
    if name == "poisson_deviance" and (float(target.min()) < 0 or float(said.min()) <= 0):
        return "a true value is negative, or a prediction is not positive"
    if name == "mase" and float(scores.beside["scale"].min()) <= 0:
        return "the scale of a row is not positive"
    if name.startswith("relative_") and np.array_equal(target, scores.beside["baseline"]):
        return "the baseline is never wrong"
    return None
