"""Rows that belong together: the interval gets the width that it has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mlgitops.ml.clusters import codes_of, gathered
from mlgitops.ml.intervals import compare, interval, pair
from mlgitops.ml.labels import Codes, Floats, Scores

DAYS, HOURS, ROUNDS = 80, 24, 300


@dataclass
class Drawn:
    """Two models on hours of days; what is hard about a day is hard for all of its hours."""

    target: Floats
    live: Scores
    candidate: Scores
    days: Codes


def draw(rng: np.random.Generator, metric: str) -> Drawn:
    days = np.repeat(np.arange(DAYS), HOURS)
    if metric == "accuracy":
        # Whether a model is right follows its day's own share, which is 0.8 on average.
        y = (rng.random(DAYS * HOURS) < 0.5).astype(float)
        shares = [rng.beta(4, 1, DAYS) for _ in range(2)]
        right = [rng.random(DAYS * HOURS) < np.repeat(one, HOURS) for one in shares]
        values = [np.where(one, y, 1 - y) * 0.8 + 0.1 for one in right]
        made = [Scores(task="binary-classification", values=one) for one in values]
        return Drawn(y, made[0], made[1], days)
    y = rng.normal(size=DAYS * HOURS)
    errors = [
        np.repeat(rng.normal(size=DAYS), HOURS) + rng.normal(size=DAYS * HOURS) for _ in range(2)
    ]
    made = [Scores(task="regression", values=y + one) for one in errors]
    return Drawn(y, made[0], made[1], days)


TRUTH = {"accuracy": 0.8, "rmse": np.sqrt(2), "mae": 2 / np.sqrt(np.pi)}


@pytest.mark.parametrize("metric", TRUTH)
def test_intervals_cover_when_the_days_are_known_and_not_when_they_are_not(metric: str) -> None:
    rng = np.random.default_rng(5)
    covered = {"days": 0, "rows": 0, "paired": 0}
    for _ in range(ROUNDS):
        one = draw(rng, metric)
        for name, clusters in (("days", one.days), ("rows", None)):
            found = interval(metric, one.target, one.live, 0.95, clusters=clusters)
            covered[name] += found.low <= TRUTH[metric] <= found.high
        low, high = pair(metric, one.target, one.live, one.candidate, one.days).bounds(0.975)
        covered["paired"] += low <= 0.0 <= high
    share = {name: number / ROUNDS for name, number in covered.items()}
    assert share["days"] > 0.92 and share["paired"] > 0.92, share
    assert share["rows"] < 0.80, share


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_every_row_by_itself_is_what_no_clusters_are(metric: str) -> None:
    one = draw(np.random.default_rng(1), metric)
    alone = np.arange(len(one.target))
    plain = interval(metric, one.target, one.live)
    found = interval(metric, one.target, one.live, clusters=alone)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))
    same = compare(metric, one.target, one.live, one.candidate, 0.1)
    told = pair(metric, one.target, one.live, one.candidate, alone).judge(0.1, 0.95)
    assert (told.low, told.high) == pytest.approx((same.low, same.high))


def test_few_clusters_decide_nothing_and_models_that_never_disagree_are_not_the_same() -> None:
    y = np.tile([0.0, 1.0], 600)
    same = Scores(task="binary-classification", values=np.where(y == 1, 0.9, 0.1))
    few = pair("accuracy", y, same, same, np.repeat(np.arange(12), 100)).judge(0.05, 0.95)
    assert few.verdict == "inconclusive" and few.n == 1200
    forty = pair("accuracy", y, same, same, np.repeat(np.arange(40), 30))
    low, high = forty.bounds(0.95)
    assert low < -0.02 and high > 0.02
    none = interval("accuracy", y, same, clusters=np.repeat(np.arange(40), 30))
    assert none.value == 1.0 and none.low < 0.95


def test_clusters_are_named_by_whatever_the_column_holds() -> None:
    codes = codes_of(np.array(["mon", None, "tue", "mon", None], dtype=object))
    assert codes.tolist() == [0, 1, 2, 0, 1]
    psi = np.array([1.0, 2.0, -4.0, 1.0, 0.0])
    assert gathered(psi, codes).tolist() == pytest.approx([2 * 0.6, 2 * 0.6, -4 * 0.6])
    assert gathered(psi, None) is psi


def test_too_few_clusters_ask_for_as_many_rows_as_thirty_of_them_have() -> None:
    random = np.random.default_rng(5)
    truth = random.normal(size=560)
    clusters = np.repeat(np.arange(28), 20)
    live = Scores(task="regression", values=truth + 3)
    better = Scores(task="regression", values=truth + random.normal(0, 0.1, 560))
    found = pair("mae", truth, live, better, clusters).judge(0.5, 0.95)
    assert found.verdict == "inconclusive" and found.high < 0
    assert found.n_needed == 600
    alone = pair("mae", truth[:20], live.take(np.arange(20)), better.take(np.arange(20)))
    assert alone.judge(0.5, 0.95).n_needed == 30
