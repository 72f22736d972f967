"""Metrics of several labels a row: true values and probabilities of shape (n, k)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from mlgitops.ml.labels import Floats, Scores
from mlgitops.ml.measures.classes import average_precision, fbeta, log_losses, roc_auc
from mlgitops.ml.measures.parts import Function, Influence, average, mean, ratio


def _labels(scores: Scores) -> Floats:
    return np.asarray(scores.labels(), dtype=np.float64)


def _f1_micro(target: Floats, scores: Scores, at: float) -> Influence:
    labels = _labels(scores)
    hits, named = (target * labels).sum(axis=1), (target + labels).sum(axis=1)
    value, psi = ratio(2 * hits, named)
    return Influence(value=value, psi=psi, scale="bounded", events=max(int((named > 0).sum()), 1))


def _jaccard(target: Floats, scores: Scores, at: float) -> Influence:
    labels = _labels(scores)
    either = np.maximum(target, labels).sum(axis=1)
    # A row without any label, true or given, counts 0, as in scikit-learn.
    return mean((target * labels).sum(axis=1) / np.maximum(either, 1.0))


def _lrap(target: Floats, scores: Scores, at: float) -> Influence:
    """How many of the labels that stand at or above a true one are true, on average over those."""
    total = np.zeros(len(target))
    for true, chance in zip(target.T, scores.values.T, strict=True):
        above = (scores.values >= chance[:, None]).astype(np.float64)
        total += true * (above * target).sum(axis=1) / above.sum(axis=1)
    count = target.sum(axis=1)
    # None or all of them are true: every order is right.
    every = (count == 0) | (count == target.shape[1])
    found = mean(np.where(every, 1.0, total / np.maximum(count, 1.0)))
    return Influence(value=found.value, psi=found.psi, scale="bounded", events=found.events)


def _one_by_one(one: Callable[[Floats, Floats], Influence]) -> Function:
    """The mean over the labels that some rows have and others have not."""

    def of(target: Floats, scores: Scores, at: float) -> Influence:
        pairs = zip(target.T, scores.values.T, strict=True)
        return average([one(true, chance) for true, chance in pairs if 0 < true.mean() < 1])

    return of


def _f1_macro(target: Floats, scores: Scores, at: float) -> Influence:
    pairs = zip(target.T, _labels(scores).T, strict=True)
    return average([fbeta(true, called) for true, called in pairs])


def _log_loss(target: Floats, scores: Scores, at: float) -> Influence:
    pairs = zip(target.T, scores.values.T, strict=True)
    return mean(np.mean([log_losses(true, chance) for true, chance in pairs], axis=0))


METRICS: Final[Mapping[str, Function]] = {
    "accuracy": lambda target, scores, _: mean(
        (target == _labels(scores)).all(axis=1).astype(np.float64), "share"
    ),
    "hamming_loss": lambda target, scores, _: mean((target != _labels(scores)).mean(axis=1)),
    "jaccard": _jaccard,
    "lrap": _lrap,
    "f1_micro": _f1_micro,
    "f1_macro": _f1_macro,
    "roc_auc_macro": _one_by_one(roc_auc),
    "average_precision_macro": _one_by_one(average_precision),
    "log_loss": _log_loss,
    "brier": lambda target, scores, _: mean(np.square(target - scores.values).mean(axis=1)),
}


def undefined(name: str, target: Floats, scores: Scores) -> str | None:
    """Return why these rows do not define the metric, or None when they do."""
    both = (target.min(axis=0) == 0) & (target.max(axis=0) == 1)
    if name in ("roc_auc_macro", "average_precision_macro") and not both.any():
        return "no label is there in some rows and missing in others"
    if name in ("f1_micro", "f1_macro") and not target.any() and not _labels(scores).any():
        return "no row has, or is given, any label"
    return None
