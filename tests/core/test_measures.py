"""Every number of a JSON output is a metric by its dotted name, without any call of ours."""

from mlgitops.core.digests import JSON
from mlgitops.core.measures import DEEPEST, MOST, Measure, from_json, measures_in, to_json


def test_numbers_are_metrics_by_their_dotted_names() -> None:
    found = measures_in(
        {
            "auc": {"value": 0.91, "low": 0.9, "high": 0.92, "n": 10},
            "loss": 3,
            "by": {"carrier": {"AA": 0.1, "UA": None}},
        }
    )
    assert found == {
        "auc": Measure(value=0.91, low=0.9, high=0.92),
        "auc.n": Measure(value=10.0),
        "loss": Measure(value=3.0),
        "by.carrier.AA": Measure(value=0.1),
    }
    assert {name: from_json(to_json(one)) for name, one in found.items()} == found


def test_what_is_no_finite_number_of_an_object_is_no_metric() -> None:
    value: JSON = {
        "ok": True,
        "curve": [1, 2],
        "x": float("nan"),
        "big": 10**400,
        "s": "1",
        "n": None,
    }
    assert measures_in(value) == {}
    assert measures_in([1, 2]) == {}
    assert measures_in(1.5) == {}


def test_a_flood_of_numbers_is_cut() -> None:
    assert len(measures_in({str(at): at for at in range(MOST + 5)})) == MOST
    deep: object = 1.0
    for _ in range(DEEPEST + 1):
        deep = {"x": deep}
    assert measures_in(deep) == {}  # type: ignore[arg-type]
