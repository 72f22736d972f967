"""Metrics of one label a row: two classes, more of them, and what is odd or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from mlgitops.ml.labels import Codes, Floats, Scores
from mlgitops.ml.measures.parts import Function, Influence, average, mean, ratio


def roc_auc(target: Floats, values: Floats) -> Influence:
    """DeLong, DeLong and Clarke-Pearson (1988), by ranks as Sun and Xu (2014)."""
    positive = target == 1
    m, n = int(positive.sum()), int((~positive).sum())
    order = np.argsort(values)
    # Rows of one score are one group: half of what ties counts as above, half as below.
    starts = np.flatnonzero(np.diff(values[order], prepend=-np.inf))
    positives = np.add.reduceat(positive[order].astype(np.float64), starts)
    sizes = np.diff(starts, append=len(order)).astype(np.float64)
    group = np.empty(m + n, dtype=np.intp)
    group[order] = np.repeat(np.arange(len(starts)), sizes.astype(np.intp))
    negatives = sizes - positives
    above = ((np.cumsum(negatives) - negatives / 2) / n)[group[positive]]
    below = (1 - (np.cumsum(positives) - positives / 2) / m)[group[~positive]]
    value = float(above.mean())
    psi = np.empty(m + n)
    # The square roots make the plain variance of psi the unbiased one of DeLong.
    psi[positive] = (above - value) * (m + n) / m * np.sqrt(m / max(m - 1, 1))
    psi[~positive] = (below - value) * (m + n) / n * np.sqrt(n / max(n - 1, 1))
    return Influence(value=value, psi=psi, scale="bounded", events=min(m, n))


def average_precision(target: Floats, values: Floats) -> Influence:
    """AP = sum over positives of (positives at or above) / (rows at or above) / positives."""
    count = len(target)
    order = np.argsort(-values, kind="stable")
    true = target[order]
    _, first, sizes = np.unique(-values[order], return_index=True, return_counts=True)
    group = np.repeat(np.arange(len(first)), sizes)
    positives = np.add.reduceat(true, first)
    above = np.cumsum(positives)
    rows = np.cumsum(sizes).astype(np.float64)
    total = above[-1]
    value = float((positives * above / rows).sum() / total)
    # A row of more weight counts as a positive itself, and in every threshold at or below its own.
    counted = np.cumsum((positives / rows)[::-1])[::-1]
    diluted = np.cumsum((positives * above / rows**2)[::-1])[::-1]
    moved = true * ((above / rows)[group] - value + counted[group]) - diluted[group]
    psi = np.empty(count)
    psi[order] = moved * count / total
    rarer = int(min(total, count - total))
    return Influence(value=value, psi=psi, scale="bounded", events=rarer)


def fbeta(true: Floats, called: Floats, beta: float = 1.0) -> Influence:
    """The ratio of hits to hits and mistakes; those that were missed weigh beta squared."""
    weight = beta**2
    value, psi = ratio((1 + weight) * true * called, weight * true + called)
    events = max(int(((true + called) > 0).sum()), 1)
    return Influence(value=value, psi=psi, scale="bounded", events=events)


def log_losses(target: Floats, values: Floats) -> Floats:
    """Return -log of the chance that the true class was given; no chance counts as 2e-16."""
    codes = target.astype(np.int64)
    least = float(np.finfo(np.float64).eps)
    if values.ndim == 1:
        chosen = np.where(codes == 1, values, 1 - values)
    else:
        chosen = (values / values.sum(axis=1, keepdims=True))[np.arange(len(codes)), codes]
    return np.asarray(-np.log(np.clip(chosen, least, 1 - least)), dtype=np.float64)


def _labels(scores: Scores) -> Codes:
    return np.asarray(scores.labels())


def _called(target: Floats, scores: Scores) -> tuple[Floats, Floats]:
    """Return which rows are of the second class, and which are called so."""
    return (target == 1).astype(np.float64), (_labels(scores) == 1).astype(np.float64)


def _share_of(among: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> Function:
    def of(target: Floats, scores: Scores, at: float) -> Influence:
        hits, rows = among(*_called(target, scores))
        value, psi = ratio(hits, rows)
        return Influence(value=value, psi=psi, scale="share", events=int(rows.sum()))

    return of


def right(target: Floats, scores: Scores) -> Floats:
    """Return 1 for each row that got its true label."""
    return np.asarray(target == _labels(scores), dtype=np.float64)


def _fbeta(target: Floats, scores: Scores, at: float) -> Influence:
    return fbeta(*_called(target, scores), 1.0 if np.isnan(at) else at)


def _brier(target: Floats, scores: Scores, at: float) -> Influence:
    if scores.values.ndim == 1:
        return mean(np.square(target - scores.values))
    true = np.eye(scores.values.shape[1])[target.astype(np.int64)]
    return mean(np.square(true - scores.values).sum(axis=1) / 2)


def _each(
    one: Callable[[Floats, Floats], Influence], present: Callable[[Codes, Codes], Codes]
) -> Function:
    """The mean over classes of a metric of rows that are, and are called, one of them."""

    def of(target: Floats, scores: Scores, at: float) -> Influence:
        labels, codes = _labels(scores), target.astype(np.int64)
        return average(
            [
                one((codes == code).astype(np.float64), (labels == code).astype(np.float64))
                for code in present(codes, labels)
            ]
        )

    return of


def _precision(true: Floats, called: Floats) -> Influence:
    value, psi = ratio(true * called, called)
    return Influence(value=value, psi=psi, scale="share", events=max(int(true.sum()), 1))


def _recall(true: Floats, called: Floats) -> Influence:
    value, psi = ratio(true * called, true)
    return Influence(value=value, psi=psi, scale="share", events=max(int(true.sum()), 1))


def _f1(true: Floats, called: Floats) -> Influence:
    found = fbeta(true, called)
    return Influence(
        value=found.value, psi=found.psi, scale="bounded", events=max(int(true.sum()), 1)
    )


def _either(codes: Codes, labels: Codes) -> Codes:
    return np.union1d(codes, labels)


def _true(codes: Codes, labels: Codes) -> Codes:
    return np.unique(codes)


def _f1_weighted(target: Floats, scores: Scores, at: float) -> Influence:
    labels, codes = _labels(scores), target.astype(np.int64)
    value, psi, least = 0.0, np.zeros(len(codes)), len(codes)
    for code in np.unique(codes):
        true = (codes == code).astype(np.float64)
        one, share = fbeta(true, (labels == code).astype(np.float64)), float(true.mean())
        value += share * one.value
        psi += share * one.psi + (true - share) * one.value
        least = min(least, int(true.sum()))
    return Influence(value=value, psi=psi, scale="bounded", events=least)


def _table(target: Floats, scores: Scores) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return hit (n,), and of each row the shares of its true and its given class, both ways:
    true of true, given of given, given of true, true of given."""
    labels, codes = _labels(scores), target.astype(np.int64)
    size = int(max(labels.max(), codes.max())) + 1
    true = np.bincount(codes, minlength=size) / len(codes)
    given = np.bincount(labels, minlength=size) / len(codes)
    hit = (labels == codes).astype(np.float64)
    return hit, true[codes], given[labels], given[codes], true[labels]


def _mcc(target: Floats, scores: Scores, at: float) -> Influence:
    """R_K of Gorodkin (2004): the correlation of true and given classes."""
    hit, true, given, given_of_true, true_of_given = _table(target, scores)
    chance, alike, said = (float(x.mean()) for x in (given_of_true, true, given))
    top = float(hit.mean()) - chance
    bottom = float(np.sqrt((1 - said) * (1 - alike)))
    value = top / bottom
    moved = (hit - hit.mean()) - (given_of_true + true_of_given - 2 * chance)
    # d(1 - sum of squares) = -2 (share - sum of squares), of either margin.
    width = -2 * (given - said) / (1 - said) - 2 * (true - alike) / (1 - alike)
    psi = moved / bottom - value / 2 * width
    return Influence(value=value, psi=psi, scale="signed", events=len(hit))


def _kappa(target: Floats, scores: Scores, at: float) -> Influence:
    hit, _, _, given_of_true, true_of_given = _table(target, scores)
    agreed, chance = float(hit.mean()), float(given_of_true.mean())
    moved = given_of_true + true_of_given - 2 * chance
    psi = (hit - agreed) / (1 - chance) - moved * (1 - agreed) / (1 - chance) ** 2
    value = (agreed - chance) / (1 - chance)
    return Influence(value=value, psi=psi, scale="signed", events=len(hit))


def _top_k(target: Floats, scores: Scores, at: float) -> Influence:
    # Of equal chances the later class comes first, as in scikit-learn.
    order = np.argsort(scores.values, axis=1, kind="stable")[:, ::-1][:, : int(at)]
    found = (order == target.astype(np.int64)[:, None]).any(axis=1)
    return mean(found.astype(np.float64), "share")


def _one_by_one(one: Callable[[Floats, Floats], Influence]) -> Function:
    """The mean over the classes that some rows are of, each against all others."""

    def of(target: Floats, scores: Scores, at: float) -> Influence:
        codes = target.astype(np.int64)
        return average(
            [
                one((codes == code).astype(np.float64), scores.values[:, code])
                for code in np.unique(codes)
            ]
        )

    return of


METRICS: Final[Mapping[str, Function]] = {
    "roc_auc": lambda target, scores, _: roc_auc(target, scores.values),
    "average_precision": lambda target, scores, _: average_precision(target, scores.values),
    "brier": _brier,
    "log_loss": lambda target, scores, _: mean(log_losses(target, scores.values)),
    "accuracy": lambda target, scores, _: mean(right(target, scores), "share"),
    "precision": _share_of(lambda true, called: (true * called, called)),
    "recall": _share_of(lambda true, called: (true * called, true)),
    "specificity": _share_of(lambda true, called: ((1 - true) * (1 - called), 1 - true)),
    "f1": _fbeta,
    "fbeta": _fbeta,
    "mcc": _mcc,
    "cohen_kappa": _kappa,
    "balanced_accuracy": _each(_recall, _true),
    "recall_macro": _each(_recall, _either),
    "precision_macro": _each(_precision, _either),
    "f1_macro": _each(_f1, _either),
    "f1_weighted": _f1_weighted,
    "top_k_accuracy": _top_k,
    "roc_auc_macro": _one_by_one(roc_auc),
    "average_precision_macro": _one_by_one(average_precision),
}
_SEVERAL: Final = (
    *("roc_auc", "average_precision", "balanced_accuracy", "mcc", "cohen_kappa"),
    *("roc_auc_macro", "average_precision_macro"),
)


def undefined(name: str, target: Floats, scores: Scores, at: float) -> str | None:
    """Return why these rows do not define the metric, or None when they do."""
    if name in _SEVERAL and len(set(target.tolist())) < 2:
        return "all rows are of one class"
    if name == "top_k_accuracy" and at >= scores.values.shape[1]:
        return f"there are {scores.values.shape[1]} classes, and all of them are always right"
    labels = _labels(scores)
    if name == "mcc" and int(np.ptp(labels)) == 0:
        return "all rows are called one class"
    called, true = bool((labels == 1).any()), bool((target == 1).any())
    if name == "precision" and not called:
        return "no row is called the second class"
    if name == "recall" and not true:
        return "no row is of the second class"
    if name == "specificity" and not (target == 0).any():
        return "no row is of the first class"
    if name in ("f1", "fbeta") and not called and not true:
        return "no row is, or is called, the second class"
    return None
