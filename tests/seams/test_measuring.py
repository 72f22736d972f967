"""A function of all rows is resampled: its interval covers the truth, and knows what is paired."""

import numpy as np
import pytest

from mlgitops.executor.measuring import Unusable, asked, measured


def blocks(count: int) -> np.ndarray:
    return np.arange(count) % 100


def median(target, prediction):
    return float(np.median(np.abs(target - prediction)))


def test_the_interval_of_a_median_covers_the_true_one() -> None:
    random = np.random.default_rng(0)
    truth, inside, widths = 0.6744898, 0, []
    for _ in range(60):
        target, prediction = random.normal(size=400), np.zeros(400)
        found = measured(median, {"target": target, "prediction": prediction}, blocks(400))
        values = found["values"]
        assert values.mean() == pytest.approx(median(target, prediction), abs=1e-12)
        sums = np.bincount(blocks(400), weights=values - values.mean()) * 100 / 400
        reach = 1.984 * sums.std(ddof=1) / 10
        widths.append(reach)
        inside += abs(values.mean() - truth) <= reach
    # 95 % of 60 are 57; fewer than 51 would come once in a thousand times.
    assert inside >= 51
    # The asymptotic error of this median is 0.0394 at 400 rows: a density says so.
    assert np.mean(widths) / 1.984 == pytest.approx(0.0394, rel=0.25)


def test_a_mean_as_one_number_has_the_error_of_its_rows() -> None:
    random = np.random.default_rng(1)
    target = random.normal(size=1000)
    given = {"target": target, "prediction": np.zeros(1000)}
    one = measured(lambda target, prediction: float(np.mean(target)), given, blocks(1000))
    sums = np.bincount(blocks(1000), weights=one["values"] - one["values"].mean()) * 100 / 1000
    assert sums.std(ddof=1) / 10 == pytest.approx(target.std(ddof=1) / np.sqrt(1000), rel=0.2)


def test_two_models_that_are_alike_differ_by_little() -> None:
    random = np.random.default_rng(2)
    target = random.normal(size=2000)
    first = measured(median, {"target": target, "prediction": np.zeros(2000)}, blocks(2000))
    other = measured(median, {"target": target, "prediction": np.full(2000, 0.01)}, blocks(2000))
    alone = first["values"].std()
    assert (first["values"] - other["values"]).std() < 0.35 * alone


def test_rows_are_given_where_they_are_asked_for() -> None:
    given = {"target": 1, "prediction": 2, "rows": 3, "blocks": 4}
    assert asked(median, given) == {"target": 1, "prediction": 2}
    assert asked(lambda target, prediction, rows: 0, given).keys() == {
        "target",
        "prediction",
        "rows",
    }
    assert "rows" in asked(lambda **all: 0, given)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda target, prediction: "much", "not a number"),
        (lambda target, prediction: float("nan"), "nan for all rows"),
        (lambda target, prediction: np.full(200, np.inf), "inf for row 0"),
        (lambda target, prediction: np.zeros((200, 2)), "one number for each"),
    ],
)
def test_what_is_no_metric_is_refused(function, told) -> None:
    given = {"target": np.zeros(200), "prediction": np.zeros(200)}
    with pytest.raises(Unusable, match=told):
        measured(function, given, blocks(200))


def test_a_function_that_writes_to_what_it_gets_does_no_harm() -> None:
    def careless(target, prediction):
        target -= prediction
        return float(np.mean(target))

    given = {"target": np.arange(200.0), "prediction": np.ones(200)}
    found = measured(careless, given, blocks(200))
    assert found["values"].mean() == pytest.approx(98.5)
    assert given["target"][0] == 0
