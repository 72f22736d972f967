"""The reference profile: small, exact at its knots, the same bytes every time. And golden rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgitops.core.digests import document
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import METRICS
from mlgitops.core.signatures import Field, Signature
from mlgitops.ml.golden import MOST_ROWS, golden
from mlgitops.ml.labels import Scores, encode_target
from mlgitops.ml.metrics import compute
from mlgitops.ml.parity import estimate
from mlgitops.ml.profiles import NumberProfile, StringProfile, profile, read, sample_of, summary
from mlgitops.ml.scoring import Scorer
from tests.ml.models import BINARY, EXAMPLES, MULTICLASS, REGRESSION, fitted
from tests.ml.test_export import exported


def _parts(name: str) -> tuple[pd.DataFrame, Scorer, Scores, np.ndarray]:
    model = fitted(name)
    one = exported(model)
    scorer = Scorer(one.onnx, one.signature)
    target = encode_target(model.task, one.signature.classes, model.target)
    return model.frame, scorer, scorer.score(model.frame), target


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(
        st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=300
    )
)
def test_the_distribution_is_exact_at_every_knot(values: list[float | None]) -> None:
    series = pd.Series(values, dtype="float64")
    one = summary(sample_of(series, Field(name="x", kind="number", nullable=True)))
    assert isinstance(one, NumberProfile)
    known = [value for value in values if value is not None]
    assert one.missing == len(values) - len(known)
    assert [sum(v <= knot for v in known) for knot in one.knots] == list(one.below)
    if known:
        assert (one.knots[0], one.knots[-1]) == (min(known), max(known))
        # Between neighbouring knots there is never more than a hundredth of the rows and a tie.
        assert len(one.knots) <= 101


@pytest.mark.parametrize("name", ["mixed-logistic", "iris", "diabetes-gaps"])
def test_a_profile_comes_back_from_its_json(name: str) -> None:
    frame, scorer, scores, target = _parts(name)
    data = profile(frame, scorer.signature, scores, target)
    known = read(json.loads(document(data)))
    assert known.rows == len(frame)
    assert sorted(known.inputs) == sorted([field.name for field in scorer.signature.inputs])
    for field in scorer.signature.inputs:
        again = known.inputs[field.name]
        exact = summary(sample_of(frame[field.name], field))
        if isinstance(exact, NumberProfile):
            assert isinstance(again, NumberProfile)
            assert (again.knots, again.below) == (exact.knots, exact.below)
            assert again.mean == pytest.approx(exact.mean, rel=1e-8)
        else:
            assert again == exact
    task = scorer.signature.task
    names = [one for one, metric in METRICS.items() if task in metric.tasks and not metric.needed]
    assert set(known.performance) == set(names)
    values = compute(task, names, target, scores)
    for metric, level in known.performance.items():
        assert level.value == pytest.approx(values[metric], rel=1e-8)
    assert set(known.outputs) == {REGRESSION: {"prediction"}, BINARY: {"score"}}.get(
        task, {"label"}
    )


def test_a_profile_has_the_same_bytes_whatever_the_order_of_rows() -> None:
    frame, scorer, scores, target = _parts("mixed-logistic")
    first = document(profile(frame, scorer.signature, scores, target))
    order = np.random.default_rng(0).permutation(len(frame))
    shuffled = profile(frame.iloc[order], scorer.signature, scores.take(order), target[order])
    assert document(shuffled) == first


def test_a_profile_of_twenty_columns_is_tens_of_kilobytes() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{n}": random.normal(size=20_000) for n in range(20)})
    fields = [Field(name=str(name), kind="number") for name in frame]
    signature = Signature(task=REGRESSION, inputs=tuple(fields))
    scores = Scores(task=REGRESSION, values=random.normal(size=20_000))
    assert len(document(profile(frame, signature, scores, None))) < 80_000


def test_only_the_most_frequent_strings_are_kept() -> None:
    values = [f"N{n}" for n in range(1000) for _ in range(2 + 4 * (n % 5 == 0))]
    one = summary(sample_of(pd.Series(values), Field(name="tail", kind="string")))
    assert isinstance(one, StringProfile)
    assert len(one.counts) == 200 and set(one.counts.values()) == {3}
    assert sum(one.counts.values()) + one.other == len(values) / 2


def test_what_is_no_profile_is_refused() -> None:
    for bad in ({}, None, [1], {"rows": 1, "inputs": {"x": {}}, "outputs": {}, "performance": {}}):
        with pytest.raises(MlgitopsError, match="not a reference profile"):
            read(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden_rows_are_what_the_model_answers(name: str) -> None:
    frame, scorer, _, _ = _parts(name)
    expected = estimate(fitted(name).estimator, frame, scorer.signature.task)
    rows = json.loads(document(golden(frame, scorer.signature, expected)))
    assert list(rows["inputs"]) == sorted(field.name for field in scorer.signature.inputs)
    assert set(rows["outputs"]) == set(scorer.signature.outputs())
    columns: dict[str, object] = {
        field.name: np.array(
            rows["inputs"][field.name], dtype=object if field.kind == "string" else "float64"
        )
        for field in scorer.signature.inputs
    }
    again = scorer.score(pd.DataFrame(columns))
    assert 20 <= len(again) <= MOST_ROWS
    if scorer.signature.task == REGRESSION:
        assert rows["outputs"]["prediction"] == pytest.approx(again.values, abs=1e-4, rel=1e-5)
        return
    labels = [scorer.signature.classes[code] for code in np.asarray(again.labels())]
    assert rows["outputs"]["label"] == labels
    other = "score" if scorer.signature.task == BINARY else "probabilities"
    assert np.asarray(rows["outputs"][other]) == pytest.approx(again.values, abs=1e-4)


def test_golden_rows_reach_into_the_corners() -> None:
    frame, scorer, _, _ = _parts("mixed-logistic")
    expected = estimate(fitted("mixed-logistic").estimator, frame, BINARY)
    rows = golden(frame, scorer.signature, expected)
    inputs = rows["inputs"]
    assert isinstance(inputs, dict)
    texture = inputs["mean texture"]
    assert isinstance(texture, list) and None in texture
    assert min(v for v in texture if isinstance(v, float)) == frame["mean texture"].min()
    assert set(inputs["größe"]) == set(frame["größe"])  # type: ignore[arg-type]
    outputs = rows["outputs"]
    assert isinstance(outputs, dict) and isinstance(outputs["score"], list)
    assert max(outputs["score"]) == pytest.approx(expected.values.max())  # type: ignore[type-var]
    assert golden(frame, scorer.signature, expected) == rows


def test_a_row_whose_label_may_differ_is_no_golden_row() -> None:
    frame, scorer, scores, _ = _parts("iris")
    order = np.argsort(scores.values.max(axis=1))
    answers = scores.values.copy()
    answers[order[:20]] = np.roll(answers[order[:20]], 1, axis=1)
    other = Scores(task=MULTICLASS, values=answers)
    rows = golden(frame, scorer.signature, other, scores)
    outputs = rows["outputs"]
    assert isinstance(outputs, dict) and isinstance(outputs["probabilities"], list)
    for kept in outputs["probabilities"]:
        assert not any(np.allclose(np.asarray(kept), row, atol=1e-6) for row in answers[order[:20]])


def test_fewer_rows_than_golden_rows_are_all_golden() -> None:
    frame, scorer, scores, _ = _parts("iris")
    rows = golden(frame.iloc[:3], scorer.signature, scores.take(np.arange(3)))
    outputs = rows["outputs"]
    assert isinstance(outputs, dict) and isinstance(outputs["label"], list)
    assert len(outputs["label"]) == 3
