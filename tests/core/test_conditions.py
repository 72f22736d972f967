"""What a condition says about given values."""

import pytest

from mlgitops.core.conditions import holds, inside
from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.specs.condition_trees import Param, Result
from mlgitops.core.specs.conditions import parse_condition

VALUES: dict[str, JSON] = {"mode": "full", "seed": 7, "fast": True, "none": None, "text": "8"}
REPORT: JSON = {"auc": 0.8, "rows": [10, {"late": 3}], "ok": False}


def look(reference: Param | Result) -> JSON:
    if isinstance(reference, Param):
        return VALUES[reference.name]
    return inside(REPORT, reference.keys, "train.report")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('params.mode == "full"', True),
        ('params.mode != "full"', False),
        ("params.seed >= 7 and params.seed < 7.5", True),
        ("params.fast or train.report.missing == 1", True),
        ("params.fast", True),
        ("not params.fast", False),
        ("train.report.ok or params.seed in [6, 7]", True),
        ("params.seed not in [6, 7]", False),
        ("train.report.auc > 0.79", True),
        ("params.fast == 1", False),
        ("params.none == null", True),
        ("params.seed in [true]", False),
        ("params.text == 8", False),
    ],
)
def test_a_condition_holds_or_not(text: str, expected: bool) -> None:
    assert holds(parse_condition(text), look) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("params.seed", r"params\.seed is 7, neither true nor false"),
        ("params.text < 9", "'8' < 9 compares what has no order"),
        ("params.none < 9", "None < 9 compares"),
        ("train.report.acu > 1", r"train\.report has no 'acu'"),
        ("train.report.auc.x > 1", r"train\.report has no 'x'"),
    ],
)
def test_what_cannot_be_decided_is_said(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        holds(parse_condition(text), look)
