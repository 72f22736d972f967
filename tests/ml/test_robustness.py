"""What a model answers to odd input: refused at the door, another label, or no number at all."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlgitops.core.digests import document
from mlgitops.ml.export import export
from mlgitops.ml.robustness import differs, probe
from mlgitops.ml.scoring import Scorer
from tests.ml.models import fitted


def asked(name: str) -> Any:
    case = fitted(name)
    made = export(case.estimator, case.frame, task=case.task, row_id=None, tolerance=1e-4)
    return probe(Scorer(made.onnx, made.signature), case.frame)


@pytest.fixture(scope="module")
def forest() -> Any:
    return asked("mixed-forest")


def test_what_the_signature_refuses_is_told_and_what_the_model_would_have_answered(forest):
    area = forest["columns"]["mean area"]
    # Never missing in training: the door refuses it, the graph would answer something.
    assert area["missing"]["door"] == "refused"
    assert "changed" in area["missing"]
    assert area["text"] == {"given": "'twelve'", "door": "refused"}
    assert area["infinite"]["door"] == "refused"
    words = forest["columns"]["größe"]
    assert words["missing"]["door"] == words["number"]["door"] == "refused"
    assert "changed" not in words["missing"]


def test_a_gap_that_training_saw_is_answered_and_so_is_a_word_that_it_did_not_see(forest):
    assert forest["columns"]["mean texture"]["missing"]["door"] == "accepted"
    unseen = forest["columns"]["größe"]["unseen"]
    assert unseen["door"] == "accepted"
    assert unseen["changed"] == forest["columns"]["größe"]["other case"]["changed"]
    assert set(forest["together"]) == {"all that may be missing", "every word unseen"}


def test_values_ten_ranges_beyond_the_seen_change_answers_and_stay_numbers(forest):
    area = forest["columns"]["mean area"]
    for case in ("far above", "far below", "negative", "huge"):
        assert area[case]["door"] == "accepted"
        assert 0 <= area[case]["changed"] <= 1
        assert area[case]["not_finite"] == 0
    assert float(area["far above"]["given"]) > 10 * 2501 * 0.9
    assert forest["summary"]["worst"]["changed"] > 0
    assert forest["summary"]["refused"] >= 3 * 4


def test_no_row_gets_no_answer_and_a_row_alone_the_same_as_among_others(forest):
    assert forest["batch"]["empty"] == "no answers"
    assert forest["batch"]["alone"] < 1e-6


def test_a_linear_model_that_nothing_bounds_says_how_far_its_predictions_go():
    found = asked("diabetes-ridge")
    name = next(iter(found["columns"]))
    huge = found["columns"][name]["huge"]
    assert huge["changed"] == 1.0
    assert huge["shift"] > 1e20


def test_the_same_model_gives_the_same_figures_and_an_edit_is_named(forest):
    again = asked("mixed-forest")
    assert document(again) == document(forest)
    assert differs(again, forest, rows=forest["rows"]) is None
    edited = json.loads(document(forest))
    edited["columns"]["mean area"]["huge"]["changed"] += 0.2
    told = differs(again, edited, rows=forest["rows"])
    assert told is not None and told.startswith("/columns/mean area/huge/changed is ")
    edited = json.loads(document(forest))
    edited["columns"]["mean area"]["missing"]["door"] = "accepted"
    assert "/columns/mean area/missing/door is 'accepted'" in str(differs(again, edited))


def test_a_word_that_is_called_never_seen_is_not_taken_for_an_unseen_one():
    case = fitted("mixed-forest")
    made = export(case.estimator, case.frame, task=case.task, row_id=None, tolerance=1e-4)
    known = tuple(
        replace(one, categories=(*one.categories, "never seen")) if one.categories else one
        for one in made.signature.inputs
    )
    found: Any = probe(Scorer(made.onnx, replace(made.signature, inputs=known)), case.frame.head(1))
    assert found["rows"] == 1
    assert found["columns"]["größe"]["unseen"]["given"] == "'never seen!'"
    assert np.isfinite(found["columns"]["größe"]["unseen"]["changed"])
