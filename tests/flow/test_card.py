"""The model card: verdict first, from the release's own files, and told when somebody edits it."""

import json
from typing import Any

import pytest
import yaml

from mlgitops.core.cards import Value, higher_is_better, leaning, slices_of, value_of
from mlgitops.flow.evidence.pages import page
from mlgitops.flow.evidence.svg import Chart, _ticks
from mlgitops.report.card import html

NUMBERS: dict[str, Any] = {
    "rows": 400,
    "metrics": {"roc_auc": {"value": 0.8, "low": 0.76, "high": 0.84}},
    "slices": {
        "origin": {
            "JFK": {"rows": 100, "metrics": {"roc_auc": {"value": 0.7, "low": 0.6, "high": 0.74}}},
            "LGA": {"rows": 100, "metrics": {"roc_auc": {"value": 0.78, "low": 0.7, "high": 0.9}}},
            "EWR": {"rows": 200, "metrics": {"roc_auc": None}},
        }
    },
    "custom": {"gain": "higher"},
    "calibration": {
        "yes": {
            "error": 0.03,
            "bins": [],
            "slope": {"value": 0.8, "low": 0.7, "high": 0.9},
            "intercept": {"value": 0.0, "low": -0.1, "high": 0.1},
            "reason": None,
        }
    },
    "searched": {
        "metric": "roc_auc",
        "looked_at": 120,
        "slices": [
            {
                "where": {"origin": "JFK", "h|our": "18 to 23"},
                "rows": 40,
                "value": 0.61,
                "rest": 0.82,
                "at_least": 0.04,
            }
        ],
        "reason": None,
    },
}


def card() -> dict[str, Any]:
    figures = {"given": "null", "door": "accepted", "changed": 0.1, "not_finite": 0.5}
    return {
        "verdict": [{"state": "bad", "asked": "roc_auc at least 0.9", "answer": "0.8"}],
        "model_details": {
            "name": "late",
            "description": "Says <script>alert(1)</script>.",
            "owners": ["@acme/ml"],
            "task": "binary-classification",
            "pipeline": "late",
            "artifact": "train.model",
        },
        "signature": {
            "classes": ["no", "yes"],
            "inputs": [{"name": "a|b", "kind": "number", "nullable": True, "low": 0, "high": 9}],
            "outputs": ["label", "score"],
        },
        "evaluation_data": {"output": "f.test", "rows": 400, "target": "late", "id": "id"},
        "training_data": {"snapshots": {}},
        "quantitative_analysis": {
            **NUMBERS,
            "headline": "roc_auc",
            "parity": {"rows": 400, "max_abs_diff": 0, "label_mismatches": 0, "rows_over": 0},
        },
        "robustness": {
            "rows": 200,
            "columns": {"a|b": {"missing": figures, "text": {"given": "'x'", "door": "refused"}}},
            "together": {},
            "batch": {"empty": "no answers", "alone": 0.0},
        },
        "measured": {
            "machine": "a machine",
            "size": 1234,
            "load_ms": 1.0,
            "memory": {"loaded": 1, "peak": 2},
            "latency": {"1": {"p50_ms": 0.1, "p90_ms": 0.2, "p99_ms": 0.3}},
        },
        "lineage": {"steps": {}},
        "plots": ["card/slices.svg"],
    }


def test_the_slices_come_worst_first_and_say_what_chance_does_not_explain():
    found = slices_of(NUMBERS, "roc_auc")
    assert [(one.value, one.apart) for one in found] == [
        ("JFK", True),
        ("LGA", False),
        ("EWR", False),
    ]
    assert value_of(0.5).low is None


def test_the_page_begins_with_what_other_tools_read_then_with_the_verdict():
    text = page(card())
    front = yaml.safe_load(text.split("---\n")[1])
    (one,) = front["model-index"]
    assert one["results"][0]["metrics"][0] == {
        "type": "roc_auc",
        "name": "roc_auc",
        "value": 0.8,
        "verified": False,
    }
    assert front["pipeline_tag"] == "tabular-classification"
    body = text.split("---\n", 2)[2]
    assert body.index("## Verdict") < body.index("## Model details")
    assert "| **FAIL** | roc\\_auc at least 0.9 | 0.8 |" in body
    assert "| origin = JFK | 100 | 0.7 [0.6, 0.74] | behind the whole |" in body
    assert "| a\\|b | 10.0%, **50% no number** | refused |" in body
    assert "![slices](card/slices.svg)" in body and "roc.svg" not in body


def test_a_page_of_html_holds_its_pictures_and_runs_nothing_that_somebody_wrote():
    picture = Chart(title="<b>", x=(0, 1), y=(0, 1), x_name="x", y_name="y").text()
    made = html(page(card()), {"card/slices.svg": picture}, title="late@v1.0.0")
    assert "<script>" not in made and "&lt;script&gt;" in made
    assert 'src="data:image/svg+xml;base64,' in made
    assert "library_name" not in made
    assert b"<title>&lt;b&gt;</title>" in picture


@pytest.mark.parametrize("ends", [(0, 1), (-800, 800), (0.0, 0.056), (1.2e6, 3.4e6), (0.71, 0.79)])
def test_axes_have_some_round_numbers_within_their_ends(ends):
    found = _ticks(*ends)
    assert 3 <= len(found) <= 12
    assert all(ends[0] - 1e-9 <= one <= ends[1] + 1e-9 for one in found)
    json.dumps(found)


def test_weak_slices_that_were_searched_for_and_calibration_are_told() -> None:
    told = page(card())
    assert "120 values and pairs of values were looked at" in told
    assert "| origin = JFK, h\\|our = 18 to 23 | 40 | 0.61 | 0.82 | 0.04 |" in told
    assert "| yes | 0.8 [0.7, 0.9] | 0.0300 | too sure of itself" in told
    nothing = card()
    nothing["quantitative_analysis"] |= {"searched": None, "calibration": {}}
    assert "Weak slices" not in page(nothing) and "Calibration" not in page(nothing)
    spotless = card()
    spotless["quantitative_analysis"]["searched"] |= {"slices": []}
    assert "\n\nNone.\n" in page(spotless)


def test_which_way_probabilities_lean_and_a_metric_gets_better() -> None:
    assert leaning(Value(value=1.0, low=0.9, high=1.1)) is None
    assert "not sure enough" in str(leaning(Value(value=1.3, low=1.1, high=1.5)))
    assert higher_is_better(NUMBERS, "gain") and higher_is_better(NUMBERS, "ndcg@5")
    assert not higher_is_better(NUMBERS, "mae")
