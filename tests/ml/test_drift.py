"""A drift verdict is calibrated: silent without drift, certain of what matters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.core.signatures import Field, Signature
from mlgitops.ml.drift import Drift, drift
from mlgitops.ml.labels import Scores
from mlgitops.ml.performance import performance
from mlgitops.ml.profiles import profile
from tests.ml.models import BINARY, MULTICLASS, REGRESSION
from tests.ml.test_intervals import binary, regression

COLUMNS = 20


def world(n: int, random: np.random.Generator) -> pd.DataFrame:
    """Twenty columns, half of them lognormal."""
    values = random.normal(size=(n, COLUMNS)).astype("float32")
    values[:, COLUMNS // 2 :] = np.exp(values[:, COLUMNS // 2 :])
    return pd.DataFrame(values, columns=[f"x{number}" for number in range(COLUMNS)])


NUMBERS = Signature(
    task=REGRESSION,
    inputs=tuple(Field(name=f"x{number}", kind="number") for number in range(COLUMNS)),
)


def reference(frame: pd.DataFrame, signature: Signature) -> dict[str, JSON]:
    return profile(
        frame, signature, Scores(task=REGRESSION, values=np.arange(len(frame), dtype=float))
    )


def looked(then: pd.DataFrame, now: pd.DataFrame, signature: Signature, **options: Any) -> Drift:
    return drift(reference(then, signature), signature, now, **options)


@pytest.mark.parametrize(("n", "repeats"), [(500, 100), (5000, 40), (50_000, 6)])
def test_without_drift_there_is_no_alarm(n: int, repeats: int) -> None:
    random = np.random.default_rng(n)
    alarms = sum(
        looked(world(n, random), world(n, random), NUMBERS).drifted for _ in range(repeats)
    )
    assert alarms / repeats <= 0.01 + 2 * np.sqrt(0.01 * 0.99 / repeats)


def test_chance_alone_alarms_as_often_as_alpha_allows() -> None:
    # Without the effect's threshold, so that only the p-values speak; unequal sizes.
    random = np.random.default_rng(1)
    repeats = 120
    alarms = sum(
        looked(world(3000, random), world(700, random), NUMBERS, alpha=0.05, min_effect=0.0).drifted
        for _ in range(repeats)
    )
    assert alarms / repeats <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize("categories", [3, 10, 50, 200, 1000])
def test_strings_do_not_alarm_by_chance_either(categories: int) -> None:
    # A one-sample chi-square, as elsewhere, has 30 % to 100 % false alarms here.
    random = np.random.default_rng(categories + 1)
    signature = Signature(task=REGRESSION, inputs=(Field(name="tail", kind="string"),))
    shares = 1 / np.arange(1, categories + 1)
    shares /= shares.sum()
    names = np.array([f"N{number}" for number in range(categories)])

    def rows() -> pd.DataFrame:
        return pd.DataFrame({"tail": random.choice(names, 800, p=shares)})

    repeats = 250
    alarms = sum(
        looked(rows(), rows(), signature, alpha=0.05, min_effect=0.0).drifted
        for _ in range(repeats)
    )
    assert alarms / repeats <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


def test_a_shift_by_a_third_of_a_standard_deviation_in_one_column_is_always_found() -> None:
    random = np.random.default_rng(2)
    found = []
    for _ in range(60):
        now = world(5000, random)
        now["x3"] += 0.3
        one = looked(world(5000, random), now, NUMBERS)
        found.append([column.name for column in one.columns if column.drifted])
    assert found.count(["x3"]) == 60


def test_a_shift_that_no_model_notices_is_no_alarm_however_many_rows_show_it() -> None:
    random = np.random.default_rng(3)
    for _ in range(4):
        now = world(50_000, random) + np.float32(0.03)
        one = looked(world(50_000, random), now, NUMBERS)
        assert min(column.q for column in one.columns) < 0.01
        assert not one.drifted


def test_the_statistic_is_scipys_up_to_a_hundredth_and_never_above() -> None:
    random = np.random.default_rng(4)
    for shift in (0.0, 0.1, 0.5):
        then, now = world(2000, random), world(1500, random) + np.float32(shift)
        for column in looked(then, now, NUMBERS).columns:
            exact = stats.ks_2samp(then[column.name], now[column.name], method="asymp")
            assert exact.statistic - 0.011 <= column.statistic <= exact.statistic + 1e-12
            assert column.p >= exact.pvalue * 0.9


def test_whole_numbers_with_ties_are_compared_exactly() -> None:
    random = np.random.default_rng(5)
    signature = Signature(task=REGRESSION, inputs=(Field(name="hour", kind="number"),))
    then = pd.DataFrame({"hour": random.integers(0, 24, 3000)})
    now = pd.DataFrame({"hour": random.integers(2, 24, 3000)})
    (column,) = looked(then, now, signature).columns
    assert column.statistic == pytest.approx(
        stats.ks_2samp(then["hour"], now["hour"]).statistic, abs=1e-12
    )


class TestStrings:
    signature = Signature(task=REGRESSION, inputs=(Field(name="carrier", kind="string"),))

    def test_a_new_category_is_found_and_named(self) -> None:
        then = pd.DataFrame({"carrier": ["UA"] * 500 + ["AA"] * 500})
        now = pd.DataFrame({"carrier": ["UA"] * 400 + ["AA"] * 400 + ["ZZ"] * 150 + ["YY"] * 50})
        (column,) = looked(then, now, self.signature).columns
        assert column.drifted and column.effect == pytest.approx(0.2)
        assert column.unseen == ("ZZ", "YY")
        assert "ZZ 0.0%" in column.reference and "ZZ 15.0%" in column.current

    def test_one_row_of_a_new_category_is_named_and_does_not_alarm(self) -> None:
        then = pd.DataFrame({"carrier": ["UA"] * 500 + ["AA"] * 500})
        now = pd.DataFrame({"carrier": ["UA"] * 499 + ["AA"] * 500 + ["ZZ"]})
        (column,) = looked(then, now, self.signature).columns
        assert not column.drifted and column.unseen == ("ZZ",)

    def test_statistic_is_scipys(self) -> None:
        then = pd.DataFrame({"carrier": ["UA"] * 300 + ["AA"] * 200})
        now = pd.DataFrame({"carrier": ["UA"] * 100 + ["AA"] * 300})
        (column,) = looked(then, now, self.signature).columns
        exact = stats.chi2_contingency([[300, 200], [100, 300]], correction=False)
        assert (column.statistic, column.p) == pytest.approx((exact.statistic, exact.pvalue))


class TestMissing:
    signature = Signature(task=REGRESSION, inputs=(Field(name="x", kind="number", nullable=True),))

    def test_values_that_stop_coming_are_found(self) -> None:
        random = np.random.default_rng(6)
        then = pd.DataFrame({"x": random.normal(size=1000)})
        now = then.copy()
        now.loc[:199, "x"] = np.nan
        one = looked(then, now, self.signature)
        assert [(c.method, c.drifted) for c in one.columns] == [("ks", False), ("missing", True)]
        assert one.columns[1].current == "missing in 20.0%"

    def test_a_column_that_is_gone_is_found(self) -> None:
        then = pd.DataFrame({"x": np.arange(1000.0)})
        now = pd.DataFrame({"x": [None] * 300})
        one = looked(then, now, self.signature)
        assert one.drifted and one.columns[0].current == "no values"

    def test_a_reference_without_a_value_says_nothing_about_values(self) -> None:
        then = pd.DataFrame({"x": [np.nan] * 500})
        one = looked(then, pd.DataFrame({"x": np.arange(500.0)}), self.signature)
        assert [(c.method, c.drifted) for c in one.columns] == [("ks", False), ("missing", True)]


def test_what_the_model_answers_is_looked_at_too() -> None:
    random = np.random.default_rng(7)
    frame = world(1000, random)
    then = Scores(task=REGRESSION, values=random.normal(size=1000))
    now = Scores(task=REGRESSION, values=random.normal(size=1000) + 0.5)
    known = profile(frame, NUMBERS, then)
    one = drift(known, NUMBERS, frame, now)
    assert [(c.name, c.part) for c in one.columns if c.drifted] == [("prediction", "output")]
    signature = Signature(task=MULTICLASS, inputs=NUMBERS.inputs, classes=("a", "b", "c"))
    even = Scores(task=MULTICLASS, values=np.eye(3)[np.arange(1000) % 3])
    odd = Scores(task=MULTICLASS, values=np.eye(3)[np.arange(1000) % 2])
    one = drift(profile(frame, signature, even), signature, frame, odd)
    assert [c.name for c in one.columns if c.drifted] == ["label"]


def test_too_few_rows_say_how_many_are_needed_and_that_many_find_the_shift() -> None:
    random = np.random.default_rng(8)
    few = looked(world(5000, random), world(50, random), NUMBERS)
    assert not few.drifted and few.not_enough is not None
    assert 300 < few.not_enough < 700
    found = 0
    for _ in range(40):
        now = world(few.not_enough, random)
        now["x3"] += 0.3
        found += looked(world(5000, random), now, NUMBERS).drifted
    assert found / 40 >= 0.7
    assert looked(world(5000, random), world(few.not_enough, random), NUMBERS).not_enough is None


def test_a_small_reference_is_not_waited_for_for_ever() -> None:
    random = np.random.default_rng(9)
    known = reference(world(100, random), NUMBERS)
    assert drift(known, NUMBERS, world(999, random)).not_enough == 1000
    assert drift(known, NUMBERS, world(1000, random)).not_enough is None


def test_no_rows_at_all_are_not_enough() -> None:
    one = looked(
        world(1000, np.random.default_rng(10)), world(0, np.random.default_rng(0)), NUMBERS
    )
    assert not one.drifted and one.not_enough is not None


def test_a_huge_drift_is_found_in_few_rows() -> None:
    random = np.random.default_rng(11)
    one = looked(world(5000, random), world(40, random) + np.float32(5), NUMBERS)
    assert one.drifted and one.not_enough is not None


def test_real_data_that_was_split_by_size_drifts_and_by_chance_does_not() -> None:
    frame = load_breast_cancer(as_frame=True).data.astype("float32")
    signature = Signature(
        task=REGRESSION, inputs=tuple(Field(name=str(name), kind="number") for name in frame)
    )
    chance = np.random.default_rng(12).random(len(frame)) < 0.5
    assert not looked(frame[chance], frame[~chance], signature).drifted
    large = frame["mean area"] > frame["mean area"].median()
    names = {c.name for c in looked(frame[~large], frame[large], signature).columns if c.drifted}
    assert {"mean area", "mean radius", "worst perimeter"} <= names


def test_rows_that_do_not_fit_are_refused() -> None:
    frame = world(100, np.random.default_rng(13))
    known = reference(frame, NUMBERS)
    with pytest.raises(Refused, match="lack 'x19'") as refused:
        drift(known, NUMBERS, frame.rename(columns={"x19": "x19_"}))
    assert refused.value.hint == "did you mean 'x19_'?"
    with pytest.raises(Refused, match="where the model takes numbers"):
        drift(known, NUMBERS, frame.assign(x0="many"))
    more = Signature(task=REGRESSION, inputs=(Field(name="y", kind="number"),))
    with pytest.raises(MlgitopsError, match="no column 'y'"):
        drift(known, more, frame.assign(y=1.0))


class TestPerformance:
    """Then: 4,000 rows at release. Now: rows whose true value came in."""

    @staticmethod
    def known(task: str, random: np.random.Generator) -> dict[str, JSON]:
        y, scores, _ = (binary if task == BINARY else regression)(4000, random)
        signature = Signature(
            task=scores.task, inputs=(), classes=("no", "yes") if task == BINARY else ()
        )
        return profile(pd.DataFrame(index=range(4000)), signature, scores, y)

    @pytest.mark.parametrize(
        ("task", "metric"),
        [(REGRESSION, "mae"), (REGRESSION, "rmse"), (BINARY, "roc_auc"), (BINARY, "log_loss")],
    )
    def test_an_unchanged_model_is_hardly_ever_degraded(self, task: str, metric: str) -> None:
        random = np.random.default_rng(14)
        world_of = binary if task == BINARY else regression
        repeats = 150
        found = [
            performance(self.known(task, random), *world_of(800, random)[:2], metric).standing
            for _ in range(repeats)
        ]
        assert found.count("degraded") / repeats <= 0.01 + 2 * np.sqrt(0.01 * 0.99 / repeats)

    def test_half_as_much_error_again_is_degraded(self) -> None:
        random = np.random.default_rng(15)
        for _ in range(20):
            y, scores, _ = regression(500, random)
            worse = Scores(task=REGRESSION, values=y + 1.5 * (scores.values - y))
            one = performance(self.known(REGRESSION, random), y, worse, "mae")
            assert one.standing == "degraded"
            assert one.now is not None and one.low is not None and one.high is not None
            assert one.then < one.low < one.now < one.high

    def test_an_improvement_never_alarms(self) -> None:
        random = np.random.default_rng(16)
        for n in (40, 100, 500, 5000):
            y, scores, _ = regression(n, random)
            better = Scores(task=REGRESSION, values=y + 0.3 * (scores.values - y))
            one = performance(self.known(REGRESSION, random), y, better, "mae")
            assert one.standing != "degraded"
            assert n < 500 or one.standing == "healthy"

    def test_a_loss_that_is_real_and_tiny_is_healthy(self) -> None:
        random = np.random.default_rng(17)
        y, scores, _ = regression(100_000, random)
        worse = Scores(task=REGRESSION, values=y + 1.05 * (scores.values - y))
        assert performance(self.known(REGRESSION, random), y, worse, "mae").standing == "healthy"

    def test_few_rows_are_not_enough_and_the_needed_ones_are(self) -> None:
        random = np.random.default_rng(18)
        known = self.known(REGRESSION, random)
        few = performance(known, *regression(60, random)[:2], "mae")
        assert few.standing == "not enough data" and few.needed is not None and few.needed > 60
        healthy = [
            performance(known, *regression(few.needed * 2, random)[:2], "mae").standing
            for _ in range(40)
        ]
        assert healthy.count("healthy") >= 20
        assert healthy.count("degraded") <= 2

    def test_rows_of_one_class_or_none_are_not_enough(self) -> None:
        random = np.random.default_rng(19)
        known = self.known(BINARY, random)
        one = performance(
            known, np.ones(50), Scores(task=BINARY, values=np.full(50, 0.4)), "roc_auc"
        )
        assert (one.standing, one.now) == ("not enough data", None)
        assert one.reason == "all rows are of one class"
        none = performance(known, np.empty(0), Scores(task=BINARY, values=np.empty(0)), "brier")
        assert (none.standing, none.reason) == ("not enough data", "there are no rows")

    def test_a_metric_that_the_release_does_not_know_is_refused(self) -> None:
        random = np.random.default_rng(20)
        known = self.known(BINARY, random)
        known["performance"] = {}
        y, scores, _ = binary(100, random)
        with pytest.raises(MlgitopsError, match="recorded no brier"):
            performance(known, y, scores, "brier")
