"""Intervals cover the truth as often as they say, and gates let worse models pass as seldom."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import of_task
from mlgitops.core.tasks import Task
from mlgitops.ml.intervals import Comparison, compare, interval, pair, surely_worse
from mlgitops.ml.labels import Scores
from mlgitops.ml.metrics import compute
from mlgitops.ml.needed import MIN_ROWS
from tests.ml.models import BINARY, MULTICLASS, REGRESSION

Drawn = tuple[np.ndarray, Scores, Scores]


def binary(n: int, random: np.random.Generator) -> Drawn:
    """A third of the rows positive; two equally good models, alike as retrainings are."""
    z = random.normal(size=n) * 1.5 - 1
    y = (random.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    shared = random.normal(size=n)

    def model() -> Scores:
        noise = 0.5 * shared + 0.4 * random.normal(size=n)
        return Scores(task=BINARY, values=1 / (1 + np.exp(-(z + noise))))

    return y, model(), model()


def regression(n: int, random: np.random.Generator) -> Drawn:
    """Demand with errors of long tails that grow with demand."""
    x = random.normal(size=n)
    y = 200 + 10 * x + 5 * np.abs(random.normal(size=n))

    def model() -> Scores:
        errors = 3 * (1 + 0.5 * np.abs(x)) * random.standard_t(6, size=n)
        return Scores(task=REGRESSION, values=y + errors)

    return y, model(), model()


def multiclass(n: int, random: np.random.Generator) -> Drawn:
    """Three classes, one of them rare."""
    z = random.normal(size=(n, 3)) * 1.5 - np.array([0, 0, 1.5])
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) < random.random(n)[:, None]).sum(axis=1).astype(float)

    def model() -> Scores:
        q = np.exp(z + 0.5 * random.normal(size=(n, 3)))
        return Scores(task=MULTICLASS, values=q / q.sum(axis=1, keepdims=True))

    return y, model(), model()


WORLDS: dict[Task, Callable[[int, np.random.Generator], Drawn]] = {
    REGRESSION: regression,
    BINARY: binary,
    MULTICLASS: multiclass,
}


@pytest.mark.parametrize("task", WORLDS)
def test_an_interval_covers_the_truth_and_equal_models_pass_no_zero_margin(task: Task) -> None:
    # 600 worlds of 500 rows: a share of .95 is then known to +-.018 (two standard errors).
    names = [name for name in of_task(task) if "top_k" not in name]
    random = np.random.default_rng(1)
    big, scores, _ = WORLDS[task](400_000, random)
    truth = compute(task, names, big, scores)
    repeats = 600
    covered = dict.fromkeys(names, 0)
    passed = dict.fromkeys(names, 0)
    for _ in range(repeats):
        y, live, candidate = WORLDS[task](500, random)
        for name in names:
            found = interval(name, y, live)
            covered[name] += found.low <= truth[name] <= found.high
            passed[name] += compare(name, y, live, candidate, 0.0).verdict == "pass"
    error = np.sqrt(0.05 * 0.95 / repeats)
    for name in names:
        assert covered[name] / repeats >= 0.94 - error, (name, covered)
        assert covered[name] / repeats <= 0.985, (name, covered)
        assert passed[name] / repeats <= 0.05 + 2 * error, (name, passed)


def _accuracy_pair(n: int, worse: float, random: np.random.Generator) -> Drawn:
    """Accuracy 0.90; the two disagree on 5 % of rows; the candidate is ``worse`` on average."""
    y = random.integers(0, 2, n).astype(float)
    kind = random.choice(4, n, p=_cells(worse))
    live, candidate = np.isin(kind, (0, 1)), np.isin(kind, (0, 2))

    def model(right: np.ndarray) -> Scores:
        return Scores(task=BINARY, values=np.where(right, y, 1 - y))

    return y, model(live), model(candidate)


def _cells(worse: float) -> list[float]:
    """Shares of rows where both are right, only live, only the candidate, neither."""
    lost, gained = (0.05 + worse) / 2, (0.05 - worse) / 2
    return [0.90 - lost, lost, gained, 1 - 0.90 - gained]


def _verdicts(n: int, worse: float, repeats: int = 1500) -> dict[str, float]:
    random = np.random.default_rng(n)
    found = [
        compare("accuracy", *_accuracy_pair(n, worse, random), 0.005).verdict
        for _ in range(repeats)
    ]
    return {word: found.count(word) / repeats for word in ("pass", "fail", "inconclusive")}


def test_a_model_that_is_one_point_worse_hardly_ever_passes() -> None:
    # The naive gate `new >= current` lets 18.5 % of them through at n = 500.
    assert _verdicts(500, 0.01)["pass"] <= 0.025
    assert _verdicts(2000, 0.01)["pass"] <= 0.005
    assert _verdicts(10_000, 0.01)["fail"] >= 0.55


def test_at_the_margin_itself_at_most_one_in_twenty_passes() -> None:
    for n in (300, 2000):
        shares = _verdicts(n, 0.005)
        assert shares["pass"] <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1500), shares
        assert shares["fail"] <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1500), shares


def test_equal_models_pass_with_the_power_that_n_needed_promises() -> None:
    y, live, candidate = _accuracy_pair(2000, 0.0, np.random.default_rng(3))
    first = compare("accuracy", y, live, candidate, 0.005)
    assert first.verdict == "inconclusive"
    # (1.645 + 0.842)^2 x 0.05 / 0.005^2 = 12,366 rows, with the disagreement that was seen.
    assert first.n_needed is not None and 9_000 < first.n_needed < 16_000
    assert _verdicts(12_366, 0.0, 400)["pass"] == pytest.approx(0.80, abs=0.05)


@pytest.mark.parametrize("name", ["log_loss", "roc_auc", "brier", "average_precision"])
def test_false_passes_stay_rare_when_the_candidate_is_worse_by_the_margin(name: str) -> None:
    random = np.random.default_rng(2)

    def worse(n: int) -> Drawn:
        y, live, _ = binary(n, random)
        z = np.log(live.values / (1 - live.values)) + 0.7 * random.normal(size=n)
        return y, live, Scores(task=BINARY, values=1 / (1 + np.exp(-z)))

    y, live, candidate = worse(400_000)
    margin = abs(
        compute(BINARY, [name], y, live)[name] - compute(BINARY, [name], y, candidate)[name]
    )
    repeats = 600
    passes = sum(compare(name, *worse(400), margin).verdict == "pass" for _ in range(repeats))
    assert passes / repeats <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / repeats)


def test_one_slice_of_twenty_that_looks_worse_by_chance_is_not_called_worse() -> None:
    random = np.random.default_rng(13)
    alone = together = 0
    for _ in range(150):
        # Each is worse by exactly the margin: to call any of them worse than it is a mistake.
        slices = [pair("accuracy", *_accuracy_pair(1000, 0.005, random)) for _ in range(20)]
        alone += any(one.judge(0.005, 0.95).verdict == "fail" for one in slices)
        together += bool(surely_worse(slices, 0.005, 0.95))
    assert alone / 150 > 0.4
    assert together / 150 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)
    slices = [pair("accuracy", *_accuracy_pair(1000, 0.0, random)) for _ in range(20)]
    slices[3] = pair("accuracy", *_accuracy_pair(5000, 0.03, random))
    assert surely_worse(slices, 0.005, 0.95) == {3}
    assert surely_worse([], 0.005, 0.95) == frozenset()


def test_the_next_look_has_to_be_surer_so_it_asks_for_more_rows() -> None:
    both = pair("accuracy", *_accuracy_pair(2000, 0.0, np.random.default_rng(3)))
    now, later = both.judge(0.005, 0.95), both.judge(0.005, 0.95, 0.995)
    assert now.n_needed is not None and later.n_needed is not None
    # ((2.576 + 0.842) / (1.645 + 0.842))^2
    assert later.n_needed / now.n_needed == pytest.approx(1.89, abs=0.01)


def test_the_directions_of_a_comparison() -> None:
    y, live, better = regression(2000, np.random.default_rng(4))
    better = Scores(task=REGRESSION, values=(better.values + 9 * y) / 10)
    up = compare("mae", y, live, better, 1.0)
    assert up.verdict == "pass"
    assert up.delta < 0 < up.improvement
    assert up.low < up.delta < up.high < 0
    assert up.limit == 1.0
    down = compare("mae", y, better, live, 1.0)
    assert down.verdict == "fail"
    assert (down.low, down.high) == pytest.approx((-up.high, -up.low))
    r2 = compare("r2", y, live, better, 0.01)
    assert r2.verdict == "pass" and r2.delta > 0 and r2.limit == -0.01
    assert r2.improvement == r2.delta


def test_the_paired_interval_is_the_two_sided_one_of_twice_the_error() -> None:
    y, live, candidate = regression(1000, np.random.default_rng(5))
    found = compare("mae", y, live, candidate, 1.0, 0.95)
    differences = np.abs(y - candidate.values) - np.abs(y - live.values)
    low, high = stats.t.interval(0.90, 999, differences.mean(), stats.sem(differences))
    # Never narrower than Student's, and hardly wider where nothing is skewed.
    assert found.low <= low + 1e-12 and high - 1e-12 <= found.high
    assert found.high - found.low == pytest.approx(high - low, rel=0.02)


def test_delong_agrees_with_a_bootstrap() -> None:
    y, live, candidate = binary(1000, np.random.default_rng(6))
    found = compare("roc_auc", y, live, candidate, 0.01)
    random = np.random.default_rng(7)
    draws = []
    for _ in range(300):
        rows = random.integers(0, 1000, 1000)
        values = [
            compute(BINARY, ["roc_auc"], y[rows], scores.take(rows))["roc_auc"]
            for scores in (candidate, live)
        ]
        draws.append(values[0] - values[1])
    low, high = np.quantile(draws, [0.05, 0.95])
    assert found.high - found.low == pytest.approx(high - low, rel=0.2)


def test_nothing_is_proved_by_a_handful_of_rows_however_alike() -> None:
    y, live, _ = binary(MIN_ROWS - 1, np.random.default_rng(8))
    y[:2] = [0.0, 1.0]
    for name in ("accuracy", "log_loss", "roc_auc"):
        few = compare(name, y, live, live, 0.005)
        assert few.verdict == "inconclusive"
        assert few.n_needed is not None and few.n_needed >= MIN_ROWS


def test_models_that_never_disagreed_on_100_rows_are_not_proved_equal_to_half_a_point() -> None:
    y, live, _ = binary(100, np.random.default_rng(9))
    close = compare("accuracy", y, live, live, 0.005)
    assert close.verdict == "inconclusive" and close.n_needed is not None
    y, live, _ = binary(400, np.random.default_rng(9))
    assert compare("accuracy", y, live, live, 0.005).verdict == "pass"


def test_no_number_of_rows_proves_equal_models_better_than_a_margin_of_zero() -> None:
    y, live, _ = binary(1000, np.random.default_rng(10))
    assert compare("accuracy", y, live, live, 0.0).n_needed is None


def test_perfect_scores_have_an_interval_too() -> None:
    y = np.repeat([0.0, 1.0], 20)
    scores = Scores(task=BINARY, values=0.1 + 0.8 * y)
    auc = interval("roc_auc", y, scores)
    assert (auc.value, auc.high) == (1.0, 1.0) and 0.7 < auc.low < 0.9
    accuracy = interval("accuracy", y, scores)
    assert accuracy.high == pytest.approx(1.0) and 0.85 < accuracy.low < 0.95
    exact = Scores(task=REGRESSION, values=y)
    assert [interval(name, y, exact).low for name in ("mae", "rmse", "r2")] == [0.0, 0.0, 1.0]


def test_twenty_thousand_rows_take_under_a_second_and_give_the_same_bytes() -> None:
    y, live, candidate = binary(20_000, np.random.default_rng(11))
    names = ["roc_auc", "average_precision", "brier", "log_loss", "accuracy", "f1"]

    def all_of_it() -> list[Comparison]:
        return [compare(name, y, live, candidate, 0.005) for name in names]

    first = all_of_it()
    start = time.process_time()
    again = all_of_it()
    intervals = [interval(name, y, candidate) for name in names]
    assert time.process_time() - start < 1.0
    assert again == first
    for one, two in zip(intervals, first, strict=True):
        assert one.low < one.value == two.candidate < one.high


def test_rows_that_do_not_fit_or_define_the_metric_are_refused() -> None:
    y, live, candidate = binary(100, np.random.default_rng(12))
    with pytest.raises(MlgitopsError, match="100 true values and 50 scores"):
        interval("brier", y, live.take(np.arange(50)))
    with pytest.raises(MlgitopsError, match="all rows are of one class"):
        compare("roc_auc", np.ones(100), live, candidate, 0.01)
    with pytest.raises(MlgitopsError, match="mae is no metric for binary"):
        interval("mae", y, live)
