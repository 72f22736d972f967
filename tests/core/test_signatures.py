"""What another signature breaks, and what a caller should know although nothing breaks."""

from dataclasses import replace

from mlgitops.core.signatures import Field, Signature, breaks, from_json, notes, to_json

OLD = Signature(
    task="binary-classification",
    classes=("no", "yes"),
    row_id="id",
    inputs=(
        Field(name="age", kind="number", low=0.0, high=90.0),
        Field(name="city", kind="string", categories=("Bonn", "Köln")),
    ),
)
AGE, CITY = OLD.inputs


def test_the_same_signature_breaks_nothing_and_has_no_notes():
    assert breaks(OLD, OLD) == notes(OLD, OLD) == ()
    assert from_json(to_json(OLD)) == OLD
    assert OLD.shapes() == {"label": (-1,), "score": (-1,)}


def test_an_input_that_callers_do_not_send_breaks_even_when_it_may_be_missing():
    new = replace(OLD, inputs=(AGE, CITY, Field(name="x", kind="number", nullable=True)))
    assert breaks(OLD, new) == ("input 'x' is new and callers do not send it",)


def test_ranges_and_categories_that_moved_are_notes_and_break_nothing():
    age = replace(AGE, low=10.0, high=80.0, nullable=True)
    city = replace(CITY, categories=("Bonn", "Ulm"))
    new = replace(OLD, inputs=(age, city), tolerance=1e-2, row_id=None)
    assert breaks(OLD, new) == ()
    assert notes(OLD, new) == (
        "input 'age' was trained on 10 to 80, before on 0 to 90: narrower",
        "input 'age' may be missing now",
        "input 'city' was trained without 'Köln', which it knew before",
        "input 'city' knows 'Ulm' now",
        "the row id was 'id' and is None: labels join by it",
        "answers may be 0.01 off the estimator's, before 0.0001",
    )
    wider = replace(OLD, inputs=(replace(AGE, high=120.0), CITY))
    assert notes(OLD, wider) == ("input 'age' was trained on 0 to 120, before on 0 to 90: wider",)


def test_probabilities_have_a_column_for_each_class():
    several = replace(OLD, task="multiclass-classification", classes=("a", "b", "c"))
    assert several.shapes()["probabilities"] == (-1, 3)
    assert to_json(several)["shapes"] == {"label": [-1], "probabilities": [-1, 3]}
