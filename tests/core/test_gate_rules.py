"""Gates beside other gates: which one decides, which one never can, and where they look."""

import pytest

from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load
from tests.core.test_rules import MODEL, NOT_YET, PROD, base

DEV = "environments/dev/environment.yaml"


def told(*, dev="", prod="", model=""):
    """The rules and messages for these gates instead of those of the base."""
    files = base()
    for path, gates in ((DEV, dev), (PROD, prod), (MODEL, model)):
        text = files[path].decode()
        head, _, rest = text.partition("gates:\n")
        kept = [line for line in rest.splitlines() if not line.startswith("  - ")]
        lines = [f"  - {{{gate}}}" for gate in gates.split("; ") if gate]
        files[path] = "\n".join([head + ("gates:" if lines else ""), *lines, *kept, ""]).encode()
    found = load(MemoryTree(files)).findings
    return [(one.rule, one.message) for one in found if one.rule != NOT_YET]


@pytest.mark.parametrize(
    ("gates", "how"),
    [
        ("parity: required; parity: required", "line 7 asks the same"),
        ("metric: roc_auc, min: 0.7; metric: roc_auc, min: 0.8", "line 8 asks more"),
        ("metric: brier, max: 0.1; metric: brier, max: 0.2", "line 7 asks more"),
        ("model: churn, parity: required; parity: required", "line 8 asks the same"),
        ("size_max: 10MB; size_max: 9MB", "line 8 asks more"),
        ("latency_p99: 1s; latency_p99: 900ms", "line 8 asks more"),
        ("metric: roc_auc, no_worse_than: live; "
         "metric: roc_auc, no_worse_than: live, margin: 0.1", "line 7 asks more"),
        ("soak: 2h, in: dev; soak: 1h, in: dev", "line 7 asks more"),
    ],
)  # fmt: skip
def test_a_gate_beside_a_stricter_one_decides_nothing(gates, how):
    message = f"this gate decides nothing: the one on {how}"
    assert told(prod=gates) == [("gate-without-effect", message)]


@pytest.mark.parametrize(
    "gates",
    [
        "metric: roc_auc, min: 0.7; metric: roc_auc, no_worse_than: live",
        "metric: roc_auc, no_worse_than: live, margin: 0.1, confidence: 0.99; "
        "metric: roc_auc, no_worse_than: live",
        "parity: required; model: churn, size_max: 1MB; size_max: 2MB",
        "soak: 2h, in: dev; soak: 1h",
    ],
)
def test_gates_that_each_decide_something_are_left_alone(gates):
    assert told(prod=gates) == []


def test_a_gate_of_a_model_that_one_environment_does_not_ask_is_left_alone():
    assert told(prod="metric: roc_auc, min: 0.8", model="metric: roc_auc, min: 0.7") == []


def test_a_gate_of_a_model_that_every_environment_asks_decides_nothing():
    asked = "metric: roc_auc, min: 0.8"
    [(rule, message)] = told(dev=asked, prod=asked, model="metric: roc_auc, min: 0.7")
    assert rule == "gate-without-effect"
    assert "every environment asks as much" in message


def test_limits_that_exclude_one_another_are_told_once():
    found = told(prod="metric: brier, max: 0.1; metric: brier, min: 0.2")
    assert [rule for rule, _ in found] == ["gate-direction", "gate-contradiction"]


def test_the_monitoring_of_the_environment_itself_may_be_asked():
    assert told(prod="health: prod") == []


def test_a_release_cannot_soak_where_it_comes_later():
    found = told(dev="soak: 1h, in: prod", prod="health: dev")
    assert found == [
        ("gate-environment", "'dev' would wait for 'prod', which does not come before it")
    ]
