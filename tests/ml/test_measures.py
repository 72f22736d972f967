"""Every metric of every task: its value against scikit-learn or by hand, its influence values
against what more weight on a row does, and its interval against repeated draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from mlgitops.core.metrics import METRICS, find, of_task
from mlgitops.core.tasks import Task
from mlgitops.ml.clusters import gathered
from mlgitops.ml.influence import FUNCTIONS, influence
from mlgitops.ml.intervals import interval, pair
from mlgitops.ml.labels import Scores
from mlgitops.ml.metrics import compute, undefined

Case = tuple[np.ndarray, Scores]
SEEDS = range(3)


def numbers(random: np.random.Generator, n: int = 200, task: Task = "forecasting") -> Case:
    target = random.gamma(2.0, 3.0, n)
    values = target * random.uniform(0.5, 1.6, n) + 0.1
    beside = {"baseline": target + random.normal(0, 4, n), "scale": random.choice([2.0, 5.0], n)}
    return target, Scores(task=task, values=values, beside=beside)


def binary(random: np.random.Generator, n: int = 200) -> Case:
    target = (random.uniform(size=n) < 0.4).astype(float)
    values = np.clip(0.3 * target + random.uniform(0, 0.8, n), 0.0, 1.0).round(2)
    return target, Scores(task="binary-classification", values=values)


def odd(random: np.random.Generator, n: int = 200) -> Case:
    target = (random.uniform(size=n) < 0.2).astype(float)
    values = (target + random.normal(-0.6, 0.6, n)).round(2)
    return target, Scores(task="anomaly-detection", values=values)


def many(random: np.random.Generator, n: int = 200) -> Case:
    target = random.integers(0, 4, n).astype(float)
    values = random.uniform(size=(n, 4)) + 0.7 * np.eye(4)[target.astype(int)]
    shares = values / values.sum(axis=1, keepdims=True)
    return target, Scores(task="multiclass-classification", values=shares)


def several(random: np.random.Generator, n: int = 200) -> Case:
    target = (random.uniform(size=(n, 3)) < [0.2, 0.5, 0.7]).astype(float)
    values = np.clip(0.3 * target + random.uniform(0, 0.75, (n, 3)), 0.0, 1.0).round(2)
    return target, Scores(task="multilabel-classification", values=values)


def ranked(random: np.random.Generator, n: int = 240) -> Case:
    group = np.sort(random.integers(0, n // 8, n))
    target = random.integers(0, 4, n) * (random.uniform(size=n) < 0.4)
    values = (target + random.normal(0, 1.5, n)).round(0)
    order = random.permutation(n)
    beside = {"group": group[order].astype(float)}
    return (
        target[order].astype(float),
        Scores(task="ranking", values=values[order], beside=beside),
    )


def grouped(random: np.random.Generator, n: int = 200) -> Case:
    target = random.integers(0, 3, n).astype(float)
    values = random.uniform(size=(n, 4)) + 0.8 * np.eye(4)[target.astype(int)]
    return target, Scores(task="clustering", values=values)


CASES: dict[str, Callable[..., Case]] = {
    "regression": lambda random, n=200: numbers(random, n, "regression"),
    "forecasting": numbers,
    "binary-classification": binary,
    "anomaly-detection": odd,
    "multiclass-classification": many,
    "multilabel-classification": several,
    "ranking": ranked,
    "clustering": grouped,
}
NAMES = [
    (task, name)
    for task in CASES
    for name in (
        *of_task(task),  # type: ignore[arg-type]
        *(("ndcg@5", "map@5", "mrr@5", "hit_rate@3") if task == "ranking" else ()),
    )
    if not (task == "ranking" and name in ("precision", "recall", "hit_rate"))
] + [("ranking", "precision@3"), ("ranking", "recall@5")]


def reference(name: str, y: np.ndarray, scores: Scores, w: np.ndarray | None = None) -> float:
    """What scikit-learn says, with sample weights where it takes them."""
    p, task = scores.values, scores.task
    label: Any = scores.labels()
    base, _, at = name.partition("@")
    kw: dict[str, Any] = {} if w is None else {"sample_weight": w}
    weights = np.ones(len(y)) if w is None else w

    def mean(rows: np.ndarray) -> float:
        return float(np.average(rows, weights=weights))

    if task in ("regression", "forecasting"):
        error = np.abs(y - p)
        base_error = np.abs(y - scores.beside["baseline"])
        return {
            "mae": lambda: sk.mean_absolute_error(y, p, **kw),
            "rmse": lambda: sk.root_mean_squared_error(y, p, **kw),
            "r2": lambda: sk.r2_score(y, p, **kw),
            "mape": lambda: sk.mean_absolute_percentage_error(y, p, **kw),
            "rmsle": lambda: sk.root_mean_squared_log_error(y, p, **kw),
            "poisson_deviance": lambda: sk.mean_poisson_deviance(y, p, **kw),
            "pinball": lambda: sk.mean_pinball_loss(y, p, alpha=float(at), **kw),
            "smape": lambda: mean(2 * error / (np.abs(y) + np.abs(p))),
            "wape": lambda: mean(error) / mean(np.abs(y)),
            "mase": lambda: mean(error / scores.beside["scale"]),
            "relative_mae": lambda: mean(error) / mean(base_error),
            "relative_rmse": lambda: (mean(error**2) / mean(base_error**2)) ** 0.5,
        }[base]()
    if task == "multilabel-classification":
        return {
            "accuracy": lambda: sk.accuracy_score(y, label, **kw),
            "hamming_loss": lambda: sk.hamming_loss(y, label, **kw),
            "jaccard": lambda: sk.jaccard_score(y, label, average="samples", zero_division=0, **kw),
            "lrap": lambda: sk.label_ranking_average_precision_score(y, p, **kw),
            "f1_micro": lambda: sk.f1_score(y, label, average="micro", **kw),
            "f1_macro": lambda: sk.f1_score(y, label, average="macro", **kw),
            "roc_auc_macro": lambda: sk.roc_auc_score(y, p, average="macro", **kw),
            "average_precision_macro": lambda: sk.average_precision_score(
                y, p, average="macro", **kw
            ),
            "log_loss": lambda: np.mean(
                [sk.log_loss(a, b, **kw) for a, b in zip(y.T, p.T, strict=True)]
            ),
            "brier": lambda: np.mean(
                [sk.brier_score_loss(a, b, **kw) for a, b in zip(y.T, p.T, strict=True)]
            ),
        }[base]()
    one = np.eye(p.shape[1])[y.astype(int)] if p.ndim == 2 else y
    kinds = np.unique(y).astype(int)
    return {
        "roc_auc": lambda: sk.roc_auc_score(y, p, **kw),
        "average_precision": lambda: sk.average_precision_score(y, p, **kw),
        "brier": lambda: (
            sk.brier_score_loss(y, p, **kw)
            if p.ndim == 1
            else mean(np.square(one - p).sum(axis=1) / 2)
        ),
        "precision": lambda: sk.precision_score(y, label, **kw),
        "recall": lambda: sk.recall_score(y, label, **kw),
        "specificity": lambda: sk.recall_score(y, label, pos_label=0, **kw),
        "f1": lambda: sk.f1_score(y, label, **kw),
        "fbeta": lambda: sk.fbeta_score(y, label, beta=float(at), **kw),
        "mcc": lambda: sk.matthews_corrcoef(y, label, **kw),
        "cohen_kappa": lambda: sk.cohen_kappa_score(y, label, **kw),
        "log_loss": lambda: sk.log_loss(y, p, **kw),
        "accuracy": lambda: sk.accuracy_score(y, label, **kw),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(y, label, **kw),
        "top_k_accuracy": lambda: sk.top_k_accuracy_score(y, p, k=int(at), **kw),
        "precision_macro": lambda: sk.precision_score(y, label, average="macro", **kw),
        "recall_macro": lambda: sk.recall_score(y, label, average="macro", **kw),
        "f1_macro": lambda: sk.f1_score(y, label, average="macro", **kw),
        "f1_weighted": lambda: sk.f1_score(y, label, average="weighted", **kw),
        "roc_auc_macro": lambda: np.mean([sk.roc_auc_score(y == k, p[:, k], **kw) for k in kinds]),
        "average_precision_macro": lambda: np.mean(
            [sk.average_precision_score(y == k, p[:, k], **kw) for k in kinds]
        ),
        "adjusted_rand": lambda: sk.adjusted_rand_score(y, label),
        "homogeneity": lambda: sk.homogeneity_score(y, label),
        "completeness": lambda: sk.completeness_score(y, label),
        "v_measure": lambda: sk.v_measure_score(y, label),
    }[base]()


def by_group(name: str, y: np.ndarray, scores: Scores) -> float:
    """Ranking by hand, one group after the other; ties as the module says."""
    base, _, at = name.partition("@")
    found = []
    for group in np.unique(scores.beside["group"]):
        rows = scores.beside["group"] == group
        gain, score = y[rows], scores.values[rows]
        k = int(at) if at else len(gain)
        if not (gain > 0).any():
            continue
        order = sorted(range(len(gain)), key=lambda one: (-score[one], gain[one]))
        hits = [gain[one] > 0 for one in order]
        places = [place for place, hit in enumerate(hits[:k], 1) if hit]
        same = [(gain[score == score[one]] > 0).mean() for one in order]
        if base == "ndcg":
            alone = len(gain) == 1
            found.append(1.0 if alone else sk.ndcg_score([gain], [score], k=k))
        elif base == "map":
            total = min(sum(hits), k)
            found.append(sum(sum(hits[:p]) / p for p in places) / total)
        elif base == "mrr":
            found.append(1 / places[0] if places else 0.0)
        elif base == "hit_rate":
            found.append(float(bool(places)))
        elif base == "precision":
            found.append(sum(same[:k]) / k)
        else:
            found.append(sum(same[:k]) / sum(hits))
    return float(np.mean(found))


def test_every_metric_of_the_table_has_a_function_for_each_of_its_tasks() -> None:
    told = {(name, task) for name, metric in METRICS.items() for task in metric.tasks}
    known = {(name, task) for task, table in FUNCTIONS.items() for name in table}
    # Two tasks with several classes share their functions; some suit one of them only.
    assert told <= known
    assert {name for name, _ in known} == set(METRICS)


@pytest.mark.parametrize(("task", "name"), NAMES)
def test_a_metric_has_the_value_that_others_give_it(task: Task, name: str) -> None:
    for seed in SEEDS:
        y, scores = CASES[task](np.random.default_rng(seed))
        value = compute(task, [name], y, scores)[name]
        wanted = by_group(name, y, scores) if task == "ranking" else reference(name, y, scores)
        assert value == pytest.approx(wanted, abs=1e-12)
        metric = find(name)
        assert metric is not None and metric.low <= value <= metric.high
        # The order of rows says nothing.
        order = np.random.default_rng(9).permutation(len(y))
        assert compute(task, [name], y[order], scores.take(order))[name] == pytest.approx(value)


@pytest.mark.parametrize(("task", "name"), [one for one in NAMES if one[0] != "ranking"])
def test_influence_is_what_more_weight_on_a_row_does(task: Task, name: str) -> None:
    y, scores = CASES[task](np.random.default_rng(7))
    found = influence(name, y, scores)
    assert found.psi.mean() == pytest.approx(0.0, abs=1e-9)
    # A row twice is the row with weight 2, and no metric but the chance in Rand's depends on n.
    weighted = task != "clustering" and name not in ("log_loss",)
    for row in range(0, len(y), 23):
        step = 1e-5
        if weighted:
            w = np.ones(len(y))
            w[row] += step * len(y)
            moved = (reference(name, y, scores, w) - found.value) / step * (1 + step)
            allowed = 2e-3
        else:
            copies = np.concatenate([np.repeat(np.arange(len(y)), 300), [row] * 30])
            more = reference(name, y[copies], scores.take(copies))
            plain = np.repeat(np.arange(len(y)), 300)
            before = reference(name, y[plain], scores.take(plain))
            share = 30 / (300 * len(y))
            moved, allowed = (more - before) / share * (1 + share), 2e-2
        psi = found.psi[row]
        # DeLong's are scaled so that their plain variance is the unbiased one.
        room = allowed * max(1.0, abs(psi)) + (0.02 * abs(psi) if "roc_auc" in name else 0.0)
        assert moved == pytest.approx(psi, abs=room), row


@pytest.mark.parametrize("name", [name for task, name in NAMES if task == "ranking"])
def test_a_group_moves_a_ranking_by_how_far_it_is_from_the_mean(name: str) -> None:
    y, scores = ranked(np.random.default_rng(3))
    found = influence(name, y, scores)
    moves = gathered(found.psi, found.clusters)
    groups = np.unique(scores.beside["group"])
    for place, group in enumerate(groups):
        rows = scores.beside["group"] == group
        if not (y[rows] > 0).any():
            assert moves[place] == 0
            continue
        own = by_group(name, y[rows], scores.take(rows))
        kept = sum((y[scores.beside["group"] == one] > 0).any() for one in groups)
        assert moves[place] == pytest.approx((own - found.value) * len(groups) / kept, abs=1e-9)


# Drawn from one population again and again: how often is its own value inside?
COVERED: tuple[tuple[Task, str], ...] = (
    ("multiclass-classification", "mcc"),
    ("multiclass-classification", "cohen_kappa"),
    ("multiclass-classification", "roc_auc_macro"),
    ("multiclass-classification", "f1_weighted"),
    ("multilabel-classification", "f1_micro"),
    ("multilabel-classification", "lrap"),
    ("forecasting", "relative_mae"),
    ("forecasting", "smape"),
    ("ranking", "ndcg@5"),
    ("ranking", "map"),
    ("clustering", "adjusted_rand"),
    ("clustering", "v_measure"),
)


@pytest.mark.parametrize(("task", "name"), COVERED)
def test_an_interval_covers_the_truth(task: Task, name: str) -> None:
    random = np.random.default_rng(11)
    y, scores = CASES[task](random, 40_000)
    truth = compute(task, [name], y, scores)[name]
    inside, rounds = 0, 300
    for _ in range(rounds):
        sample = CASES[task](random, 600 if task != "ranking" else 1600)
        found = interval(name, *sample)
        inside += found.low <= truth <= found.high
    # 95 % of 300 are 285; 271 is what 90.5 % would be, 297 is 99 %.
    assert 271 <= inside <= 299, inside / rounds


# Three guesses of four classes are always right here: there is nothing left to pair.
@pytest.mark.parametrize(
    ("task", "name"),
    [one for one in NAMES if one[0] != "regression" and one[1] != "top_k_accuracy@3"],
)
def test_two_models_on_the_same_rows_differ_by_less_than_two_on_others(
    task: Task, name: str
) -> None:
    y, scores = CASES[task](np.random.default_rng(5), 800)
    random = np.random.default_rng(6)
    noise = random.normal(0, 0.01, scores.values.shape)
    values = scores.values + noise
    if scores.chance:
        values = np.clip(values, 0.0, 1.0)
        if task == "multiclass-classification":
            values = values / values.sum(axis=1, keepdims=True)
    if task == "ranking":
        values = np.where(random.uniform(size=len(y)) < 0.02, scores.values + 1, scores.values)
    other = Scores(task=task, values=values, beside=scores.beside)
    low, high = pair(name, y, scores, other).bounds(0.95)
    alone = interval(name, y, scores, 0.90)
    assert high - low < 0.8 * (alone.high - alone.low) * 2**0.5


UNDEFINED: tuple[tuple[str, Case, str], ...] = (
    ("wape", (np.zeros(3), Scores(task="regression", values=np.ones(3))), "all true values are 0"),
    (
        "poisson_deviance",
        (np.ones(3), Scores(task="regression", values=np.zeros(3))),
        "is not positive",
    ),
    ("mase", (np.ones(3), Scores(task="forecasting", values=np.ones(3))), "have no scale"),
    (
        "relative_mae",
        (
            np.ones(3),
            Scores(task="forecasting", values=np.ones(3), beside={"baseline": np.ones(3)}),
        ),
        "the baseline is never wrong",
    ),
    (
        "top_k_accuracy@4",
        many(np.random.default_rng(0), 50),
        "there are 4 classes",
    ),
    (
        "mcc",
        (np.array([0.0, 1.0]), Scores(task="binary-classification", values=np.zeros(2))),
        "all rows are called one class",
    ),
    ("ndcg", (np.ones(3), Scores(task="ranking", values=np.ones(3))), "have no group"),
    (
        "precision",
        (
            np.ones(3),
            Scores(task="ranking", values=np.ones(3), beside={"group": np.zeros(3)}),
        ),
        "as in precision@10",
    ),
    (
        "ndcg",
        (
            np.zeros(3),
            Scores(task="ranking", values=np.ones(3), beside={"group": np.zeros(3)}),
        ),
        "no group has a relevant row",
    ),
    (
        "roc_auc_macro",
        (np.ones((3, 2)), Scores(task="multilabel-classification", values=np.ones((3, 2)))),
        "no label is there in some rows",
    ),
    (
        "adjusted_rand",
        (np.zeros(3), Scores(task="clustering", values=np.eye(3))),
        "all rows are of one group",
    ),
)


@pytest.mark.parametrize(("name", "case", "why"), UNDEFINED)
def test_what_rows_do_not_define_has_a_reason(name: str, case: Case, why: str) -> None:
    assert why in str(undefined(name, *case))


def test_a_ranking_of_a_million_rows_takes_seconds() -> None:
    random = np.random.default_rng(0)
    n = 200_000
    scores = Scores(
        task="ranking",
        values=random.normal(size=n),
        beside={"group": random.integers(0, n // 10, n).astype(float)},
    )
    target = (random.uniform(size=n) < 0.1).astype(float)
    found = interval("ndcg@10", target, scores)
    assert found.n == n and found.high - found.low < 0.02
