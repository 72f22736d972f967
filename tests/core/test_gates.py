"""Gates decide from evidence alone, and an error or a doubt never passes."""

from dataclasses import replace

import pytest

from mlgitops.core.gates import (
    Comparison,
    Evidence,
    GateResult,
    applying,
    check_state,
    evaluate,
    overall,
)
from mlgitops.core.specs.models import Gate
from tests.core.facts import compared, release_document


def evidence(*, live=True, comparison=None, breaks=(), **changes):
    document = replace(release_document("1.1.0", onnx=b"new"), **changes)
    return Evidence(
        candidate=document,
        live=release_document() if live else None,
        comparison=comparison,
        signature_breaks=breaks,
    )


def comparison(*compared_, problem=None):
    return Comparison(rows=400, excluded={}, compared=compared_, problem=problem)


AGAINST_LIVE = Gate(metric="mae", no_worse_than="live", margin=1.0)
SLICES = Gate(slices="no_worse_than", margin=1.0)


@pytest.mark.parametrize(
    ("gate", "state"),
    [
        (Gate(metric="mae", max=10.0), "pass"),
        (Gate(metric="mae", max=9.99), "fail"),
        (Gate(metric="mae", min=10.0), "pass"),
        (Gate(metric="mae", min=10.01), "fail"),
        (Gate(metric="rmse", max=1e9), "error"),
        (Gate(size_max="1KB"), "pass"),
        (Gate(size_max="999B"), "fail"),
        (Gate(latency_p99="2ms"), "pass"),
        (Gate(latency_p99="1ms"), "fail"),
        (Gate(parity="required"), "pass"),
        (Gate(signature="compatible"), "pass"),
    ],
)
def test_an_absolute_gate_holds_up_to_its_limit_and_not_beyond(gate, state):
    assert evaluate(gate, evidence()).state == state


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive"])
def test_the_comparison_with_live_gives_its_own_three_answers(verdict):
    asked = evidence(comparison=comparison(compared(verdict)))
    assert evaluate(AGAINST_LIVE, asked).state == verdict


def test_an_inconclusive_comparison_says_how_many_rows_a_decision_needs():
    asked = evidence(comparison=comparison(compared("inconclusive")))
    assert "needs about 9,000 to be likely to pass" in evaluate(AGAINST_LIVE, asked).detail


def test_what_no_number_of_rows_decides_says_why_not():
    hopeless = replace(compared("inconclusive"), n_needed=None)
    told = evaluate(AGAINST_LIVE, evidence(comparison=comparison(hopeless))).detail
    assert "no number of rows would show it" in told
    spent = replace(hopeless, spent=True)
    told = evaluate(AGAINST_LIVE, evidence(comparison=comparison(spent))).detail
    assert "as often as `looks` of the gate allows" in told
    chance = replace(hopeless, low=1.1, high=2.0, slice=("daypart", "night"))
    result = evaluate(Gate(slices="no_worse_than"), evidence(comparison=comparison(chance)))
    assert result.state == "inconclusive" and "by chance (Holm)" in result.detail


def test_without_a_baseline_a_comparison_does_not_apply_and_absolute_gates_decide():
    first = evidence(live=False)
    assert evaluate(AGAINST_LIVE, first).state == "not applicable"
    assert evaluate(Gate(metric="mae", max=1.0), first).state == "fail"


def test_what_cannot_be_compared_is_inconclusive_and_names_why():
    asked = evidence(comparison=comparison(problem="the bytes of 1.0.0 are gone"))
    result = evaluate(AGAINST_LIVE, asked)
    assert (result.state, "the bytes of 1.0.0 are gone" in result.detail) == ("inconclusive", True)


def test_nothing_compared_for_a_gate_is_an_error_and_not_a_pass():
    assert evaluate(AGAINST_LIVE, evidence(comparison=comparison())).state == "error"


def test_one_worse_slice_refuses_although_the_mean_improves_and_is_named():
    asked = evidence(
        comparison=comparison(
            compared("pass"),
            compared("pass", where=("country", "DE")),
            compared("fail", where=("country", "FR")),
        )
    )
    assert evaluate(AGAINST_LIVE, asked).state == "pass"
    result = evaluate(SLICES, asked)
    assert (result.state, "country=FR" in result.detail) == ("fail", True)


def test_a_broken_signature_is_named():
    result = evaluate(Gate(signature="compatible"), evidence(breaks=("input 'age' is gone",)))
    assert (result.state, result.detail) == ("fail", "input 'age' is gone")


def test_parity_on_no_rows_proves_nothing():
    parity = {**release_document().parity, "rows": 0}
    assert evaluate(Gate(parity="required"), evidence(parity=parity)).state == "fail"


def test_a_release_without_a_measured_latency_is_an_error():
    assert evaluate(Gate(latency_p99="1h"), evidence(measured={})).state == "error"


def test_gates_of_other_models_do_not_apply_and_equal_ones_count_once():
    mine, other = Gate(metric="mae", max=1.0), Gate(model="other", metric="auc", min=0.5)
    assert applying([mine, other, mine], "churn") == (mine,)


def test_a_promotion_is_what_its_worst_gate_is():
    def results(*states):
        return [GateResult(gate="g", state=state, detail="") for state in states]

    assert overall(results("pass", "not applicable")) == "pass"
    assert overall(results("pass", "waiting")) == "waiting"
    assert overall(results("waiting", "inconclusive", "pass")) == "inconclusive"
    assert overall(results("inconclusive", "fail", "pass")) == "fail"
    assert overall(results("fail", "error")) == "error"


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("pass", "success"),
        ("not applicable", "success"),
        ("waiting", "pending"),
        ("inconclusive", "failure"),
        ("fail", "failure"),
        ("error", "failure"),
    ],
)
def test_a_forge_never_shows_success_for_what_is_not_decided(state, shown):
    assert check_state(state) == shown
