"""A verdict follows from the evidence alone: what is measured counts before what is feared."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgitops.core.digests import Digest, canonical
from mlgitops.core.specs.models import Gate
from mlgitops.core.verdicts import judge, limits
from mlgitops.core.watches import (
    Evidence,
    Labelled,
    Measured,
    Quality,
    Shift,
    Standing,
    Watch,
    Window,
    to_json,
    told,
)

WINDOW = Window(since="2026-01-01T00:00:00Z", until="2026-01-08T00:00:00Z", rows=1000, requests=10)
CALM = Evidence(window=WINDOW, needed=200)


def shift(name: str, effect: float, *, drifted: bool = True) -> Shift:
    return Shift(
        name=name,
        topic="predictions" if name == "prediction" else "inputs",
        method="KS",
        effect=effect,
        p=0.0 if drifted else 0.5,
        q=0.0 if drifted else 0.9,
        drifted=drifted,
        then="median 10",
        now="median 12",
    )


def measured(standing: Standing, *, now: float = 130.0, rows: int = 900) -> Measured:
    return Measured(
        metric="mae",
        higher_is_better=False,
        then=100.0,
        now=now,
        low=now - 10,
        high=now + 10,
        confidence=0.95,
        tolerated=10.0,
        rows=rows,
        standing=standing,
        needed=4000 if standing == "not enough data" else None,
    )


def texts(evidence: Evidence) -> list[str]:
    return [reason.text for reason in judge(evidence).reasons]


def test_nothing_drifted_and_nothing_is_measured_is_healthy_and_says_what_it_cannot_see() -> None:
    verdict = judge(replace(CALM, shifts=(shift("tmin", 0.02, drifted=False),)))
    assert verdict.state == "healthy"
    assert [remark.text for remark in verdict.remarks] == [
        "performance is not known: no true values"
    ]


def test_drift_without_true_values_is_degraded_and_the_predictions_come_first() -> None:
    shifts = (
        shift("rain", 0.2),
        shift("tmin", 0.4),
        shift("prediction", 0.1),
        shift("hour", 0, drifted=False),
    )
    evidence = replace(CALM, shifts=shifts)
    assert judge(evidence).state == "degraded"
    assert [text.split(" drifted")[0] for text in texts(evidence)] == [
        "the predictions",
        "tmin",
        "rain",
    ]


def test_performance_that_is_proven_worse_comes_before_drift() -> None:
    verdict = judge(replace(CALM, shifts=(shift("tmin", 0.9),), measured=measured("degraded")))
    assert verdict.state == "degraded"
    assert [reason.topic for reason in verdict.reasons] == ["performance"]
    assert verdict.reasons[0].text == (
        "mae 100 → 130 (95% interval 120 to 140; 900 rows with their true value):"
        " worse than the release, and not by chance"
    )
    assert [remark.topic for remark in verdict.remarks] == ["inputs"]


def test_a_doubled_loss_is_unhealthy() -> None:
    assert judge(replace(CALM, measured=measured("degraded", now=205))).state == "degraded"
    assert judge(replace(CALM, measured=measured("degraded", now=215))).state == "unhealthy"


def test_performance_proven_beyond_a_gate_is_unhealthy() -> None:
    gates = [Gate(metric="mae", max=115.0), Gate(metric="r2", min=0.9), Gate(size_max="1MB")]
    asked = limits(gates)
    assert [(limit.metric, limit.value) for limit in asked] == [("mae", 115.0), ("r2", 0.9)]
    evidence = replace(CALM, measured=measured("degraded"), limits=asked)
    assert judge(evidence).state == "unhealthy"
    assert "mae 130 is beyond the gate (max 115)" in texts(evidence)
    # The interval reaches back over the limit: it is not proven to be broken.
    evidence = replace(evidence, limits=limits([Gate(metric="mae", max=125.0)]))
    assert judge(evidence).state == "degraded"


def test_a_gate_on_another_metric_makes_worse_bad_and_alone_says_nothing() -> None:
    low = replace(measured("degraded"), metric="r2", higher_is_better=True, now=0.3, high=0.4)
    asked = limits([Gate(metric="r2", min=0.5)])
    evidence = replace(CALM, measured=measured("degraded"), gated=(low,), limits=asked)
    assert judge(evidence).state == "unhealthy"
    assert "r2 0.3 is beyond the gate (min 0.5)" in texts(evidence)
    # In a month with little to tell apart r2 falls, however good the predictions are.
    assert judge(replace(evidence, measured=measured("healthy", now=90))).state == "healthy"


def test_an_improvement_does_not_alarm_even_where_inputs_drifted() -> None:
    better = measured("healthy", now=60)
    verdict = judge(replace(CALM, shifts=(shift("tmin", 0.9),), measured=better))
    assert verdict.state == "healthy"
    assert [remark.text.split(" drifted")[0] for remark in verdict.remarks] == ["tmin"]


def test_performance_on_a_few_rows_does_not_excuse_drift_in_all_the_others() -> None:
    few = measured("healthy", now=100, rows=100)
    verdict = judge(replace(CALM, shifts=(shift("tmin", 0.9),), measured=few))
    assert verdict.state == "degraded"
    assert verdict.remarks[0].topic == "performance"


def test_few_rows_are_not_enough_whatever_drifted_in_them() -> None:
    evidence = replace(CALM, window=replace(WINDOW, rows=50), shifts=(shift("tmin", 0.9),))
    assert judge(evidence).state == "not enough data"
    assert texts(evidence) == ["50 rows, and 200 are needed"]


@pytest.mark.parametrize("standing", ["unclear", "not enough data"])
def test_performance_that_proves_nothing_leaves_the_verdict_to_the_inputs(
    standing: Standing,
) -> None:
    evidence = replace(CALM, measured=measured(standing, now=104))
    verdict = judge(evidence)
    assert verdict.state == "healthy"
    assert verdict.reasons[0].text == "no input drifted, and neither did the predictions"
    said = {"unclear": "undecided", "not enough data": "too few to judge, about 4,000 would tell"}
    assert verdict.remarks[0].text.endswith(said[standing])
    assert judge(replace(evidence, shifts=(shift("tmin", 0.5),))).state == "degraded"


def test_performance_proven_on_the_whole_of_a_small_window_is_enough() -> None:
    evidence = replace(CALM, window=replace(WINDOW, rows=150), measured=measured("healthy"))
    assert judge(evidence).state == "healthy"


def test_labels_that_could_not_be_had_are_told() -> None:
    verdict = judge(replace(CALM, labelled=Labelled(problem="labels:counts failed")))
    assert [one.text for one in verdict.remarks] == [
        "performance is not known: labels:counts failed"
    ]


def test_odd_values_are_told_and_decide_nothing() -> None:
    odd = Quality(name="rain", missing=3, outside=40, range="0 to 80")
    chance = Quality(name="tmin", missing=0, outside=2, range="-10 to 30")
    verdict = judge(replace(CALM, quality=(odd, chance), labelled=Labelled()))
    assert verdict.state == "healthy"
    assert [one.text for one in verdict.remarks][1:] == [
        "rain is outside 0 to 80 in 40 of 1,000 rows",
    ]


@given(st.permutations([shift("a", 0.4), shift("b", 0.4), shift("prediction", 0.1)]))
def test_the_order_in_which_columns_were_looked_at_changes_nothing(shifts: list[Shift]) -> None:
    assert judge(replace(CALM, shifts=tuple(shifts))) == judge(
        replace(CALM, shifts=tuple(reversed(shifts)))
    )


@pytest.mark.parametrize("standing", ["healthy", "degraded", "unclear", "not enough data"])
def test_what_is_recorded_is_read_again(standing: Standing) -> None:
    evidence = replace(CALM, shifts=(shift("tmin", 0.4),), measured=measured(standing))
    watch = Watch(
        model="bike-demand",
        environment="prod",
        version="1.2.0",
        digest=Digest("sha256:" + "0" * 64),
        as_of="2026-01-08T00:00:00Z",
        evidence=evidence,
        verdict=judge(evidence),
    )
    record = to_json(watch)
    canonical(record)
    found = told(record, at="2026-01-09T00:00:00Z")
    assert found is not None
    assert found.state == watch.verdict.state
    assert found.reasons == tuple(reason.text for reason in watch.verdict.reasons)
    assert found.drifted == ("tmin",)
    assert told({"kind": "Deployment"}, at="") is None
