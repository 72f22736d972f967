"""Estimators become ONNX that answers the same, or a refusal that says what to do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from mlgitops.core.errors import Refused
from mlgitops.core.signatures import from_json, to_json
from mlgitops.ml.export import Exported, export
from mlgitops.ml.parity import check, estimate
from mlgitops.ml.scoring import Scorer
from tests.ml.models import BINARY, EXAMPLES, MULTICLASS, REGRESSION, Fitted, fitted, mixed
from tests.ml.models import prepared as prepared_pipeline


def exported(model: Fitted) -> Exported:
    return export(model.estimator, model.frame, task=model.task, row_id="row", tolerance=1e-4)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_model_answers_what_the_estimator_answers(name: str) -> None:
    model = fitted(name)
    one = exported(model)
    parity = check(
        model.estimator, Scorer(one.onnx, one.signature), model.frame, atol=1e-4, rtol=1e-6
    )
    assert parity.ok, parity
    assert parity.rows == len(model.frame)
    assert parity.label_mismatches == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_model_has_the_same_door(name: str) -> None:
    model = fitted(name)
    one = exported(model)
    session = onnxruntime.InferenceSession(one.onnx)
    kinds = {"number": "tensor(float)", "string": "tensor(string)"}
    assert [(value.name, value.type, value.shape) for value in session.get_inputs()] == [
        (field.name, kinds[field.kind], [value.shape[0], 1])
        for field, value in zip(one.signature.inputs, session.get_inputs(), strict=True)
    ]
    (output,) = session.get_outputs()
    assert output.type == "tensor(float)"
    if model.task == REGRESSION:
        assert (output.name, output.shape[1]) == ("prediction", 1)
    else:
        assert (output.name, output.shape[1]) == ("probabilities", len(one.signature.classes))
    assert from_json(to_json(one.signature)) == one.signature


def test_the_signature_says_what_the_rows_hold() -> None:
    signature = exported(fitted("mixed-logistic")).signature
    fields = {field.name: field for field in signature.inputs}
    # Dates, row ids and all that the column transformer drops are no inputs.
    assert list(fields) == ["mean texture", "mean area", "label", "größe", "hour"]
    assert fields["größe"].categories == ("groß", "klein", "mittel")
    assert fields["mean texture"].nullable and not fields["mean area"].nullable
    assert (fields["hour"].low, fields["hour"].high) == (0.0, 23.0)
    assert signature.classes == ("False", "True")
    assert exported(fitted("iris")).signature.classes == ("setosa", "versicolor", "virginica")


_AGAIN = """
import hashlib
from tests.ml.models import fitted
from tests.ml.test_export import exported
print(*(hashlib.sha256(exported(fitted(name)).onnx).hexdigest()
        for name in ("mixed-logistic", "diabetes-ridge", "iris")))
"""


def test_another_process_writes_the_same_bytes_whatever_its_hash_seed() -> None:
    root = Path(__file__).parents[2]
    there = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _AGAIN],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    models = [fitted(name) for name in ("mixed-logistic", "diabetes-ridge", "iris")]
    assert there.split() == [hashlib.sha256(exported(one).onnx).hexdigest() for one in models]


def test_an_input_may_be_called_like_the_output() -> None:
    model = fitted("diabetes-ridge")
    frame = model.frame.rename(columns={"age": "prediction", "bmi": "variable", "bp": "matrix"})
    estimator = Pipeline([("scale", StandardScaler()), ("model", LinearRegression())])
    estimator.fit(frame, model.target)
    one = export(estimator, frame, task=REGRESSION, row_id=None, tolerance=1e-3)
    assert check(estimator, Scorer(one.onnx, one.signature), frame, atol=1e-3).ok


def test_columns_may_be_chosen_twice_and_the_search_for_parameters_is_unwrapped() -> None:
    model = fitted("mixed-logistic")
    pipeline = prepared_pipeline(LogisticRegression(max_iter=500))
    choose = pipeline.steps[0][1]
    both = Pipeline(
        [("union", FeatureUnion([("a", choose), ("b", choose)])), ("model", LogisticRegression())]
    )
    search = GridSearchCV(both, {"model__C": [0.1, 1.0]}, cv=2).fit(model.frame, model.target)
    one = export(search, model.frame, task=BINARY, row_id="row", tolerance=1e-4)
    assert check(search, Scorer(one.onnx, one.signature), model.frame, atol=1e-4).ok


def test_an_exact_tie_of_a_forest_is_decided_in_one_place() -> None:
    # 100 trees answer exactly 0.5 for some rows; whether a runtime sums to 0.49999997 must not
    # decide a label.
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.integers(0, 8, 4000), "y": random.integers(0, 8, 4000)})
    target = (frame["x"] + frame["y"] + random.normal(scale=4, size=4000)) > 7
    forest = RandomForestClassifier(10, max_depth=3, random_state=0)
    forest.fit(frame.astype("float32"), target)
    one = export(forest, frame, task=BINARY, row_id=None, tolerance=1e-4)
    parity = check(forest, Scorer(one.onnx, one.signature), frame.astype("float32"), atol=1e-5)
    assert parity.ok and parity.label_mismatches == 0


def test_estimators_fitted_on_arrays_take_the_columns_in_order() -> None:
    model = fitted("iris")
    bare = LogisticRegression(max_iter=500).fit(model.frame.to_numpy(), model.target)
    one = export(bare, model.frame, task=MULTICLASS, row_id=None, tolerance=1e-4)
    assert check(bare, Scorer(one.onnx, one.signature), model.frame, atol=1e-4).ok
    with pytest.raises(Refused, match="trained on 4 columns without names; the data has 5"):
        export(bare, model.frame.assign(more=1), task=MULTICLASS, row_id=None, tolerance=1e-4)


def test_numbers_that_float32_rounds_are_reported() -> None:
    frame = pd.DataFrame({"epoch": 1_700_000_000 + np.arange(200), "x": np.arange(200.0)})
    line = LinearRegression().fit(frame, frame["x"])
    notes = export(line, frame, task=REGRESSION, row_id=None, tolerance=1.0).notes
    assert notes == ("column 'epoch' holds whole numbers beyond 2^24, which float32 rounds",)


class TestRefusals:
    """Each names the column or the step, and what to do."""

    def test_a_string_column_with_gaps(self) -> None:
        model = fitted("mixed-logistic")
        frame = model.frame.copy()
        frame.loc[3, "größe"] = None
        with pytest.raises(Refused, match="'größe' has no value in 1 of 285 rows") as refused:
            export(model.estimator, frame, task=BINARY, row_id=None, tolerance=1e-4)
        assert refused.value.hint is not None and "fillna" in refused.value.hint

    def test_a_row_id_among_the_features(self) -> None:
        model = fitted("iris")
        name = str(model.frame.columns[0])
        with pytest.raises(Refused, match="identifies a row"):
            export(model.estimator, model.frame, task=MULTICLASS, row_id=name, tolerance=1e-4)

    def test_a_column_that_the_data_lacks(self) -> None:
        model = fitted("mixed-logistic")
        with pytest.raises(Refused, match="trained on 'hour', which the data lacks"):
            export(
                model.estimator,
                model.frame.drop(columns="hour"),
                task=BINARY,
                row_id=None,
                tolerance=1e-4,
            )

    def test_a_task_that_the_estimator_does_not_do(self) -> None:
        iris, ridge = fitted("iris"), fitted("diabetes-ridge")
        with pytest.raises(Refused, match=r"3 class\(es\)"):
            export(iris.estimator, iris.frame, task=BINARY, row_id=None, tolerance=1e-4)
        with pytest.raises(Refused, match="no regressor"):
            export(iris.estimator, iris.frame, task=REGRESSION, row_id=None, tolerance=1e-4)
        with pytest.raises(Refused, match="gives no probabilities"):
            export(ridge.estimator, ridge.frame, task=BINARY, row_id=None, tolerance=1e-4)

    def test_a_margin_without_probabilities(self) -> None:
        model = fitted("iris")
        margin = LinearSVC().fit(model.frame, model.target)
        with pytest.raises(Refused, match="LinearSVC gives no probabilities") as refused:
            export(margin, model.frame, task=MULTICLASS, row_id=None, tolerance=1e-4)
        assert refused.value.hint is not None and "CalibratedClassifierCV" in refused.value.hint

    def test_several_targets_at_once(self) -> None:
        model = fitted("diabetes-ridge")
        both = LinearRegression().fit(model.frame, np.stack([model.target, -model.target], axis=1))
        with pytest.raises(Refused, match="predicts 2 numbers for each row"):
            export(both, model.frame, task=REGRESSION, row_id=None, tolerance=1e-4)

    def test_a_date_that_the_model_really_uses(self) -> None:
        data = mixed()
        frame = data[["seen", "mean area"]]
        forest = RandomForestClassifier(3).fit(frame.assign(seen=0), data["target"])
        with pytest.raises(Refused, match="column 'seen' holds datetime64 values"):
            export(forest, frame, task=BINARY, row_id=None, tolerance=1e-4)

    def test_bytes_that_are_no_model(self) -> None:
        one = exported(fitted("iris"))
        with pytest.raises(Refused, match="onnxruntime cannot load the model"):
            Scorer(one.onnx[:-100], one.signature)

    def test_a_signature_of_another_model(self) -> None:
        one, other = exported(fitted("iris")), exported(fitted("wine-forest"))
        with pytest.raises(Refused, match="the signature says"):
            Scorer(one.onnx, other.signature)


def _flipped(model: bytes) -> bytes:
    """The same graph with the divisors of its scaler doubled: it still loads and runs."""
    graph = onnx.load_from_string(model)
    (divide,) = (node for node in graph.graph.node if node.op_type == "Div")
    for constant in graph.graph.initializer:
        if constant.name == divide.input[1]:
            wrong = onnx.numpy_helper.to_array(constant) * np.float32(2)
            constant.CopyFrom(onnx.numpy_helper.from_array(wrong, constant.name))
    return graph.SerializeToString()


def test_a_broken_export_is_found_and_its_worst_rows_are_shown() -> None:
    model = fitted("mixed-logistic")
    one = exported(model)
    broken = check(
        model.estimator, Scorer(_flipped(one.onnx), one.signature), model.frame, atol=1e-4
    )
    assert not broken.ok
    assert broken.rows_over > 200 and broken.label_mismatches > 0
    assert len(broken.worst) == 10
    first = broken.worst[0]
    assert first.labels_differ
    assert list(first.inputs) == [field.name for field in one.signature.inputs]
    assert isinstance(first.estimator, float) and isinstance(first.onnx, float)
    assert first.difference == pytest.approx(abs(first.estimator - first.onnx))


def test_labels_may_differ_only_as_often_as_the_spec_allows() -> None:
    model = fitted("mixed-logistic")
    one = exported(model)
    scorer = Scorer(_flipped(one.onnx), one.signature)
    share = check(model.estimator, scorer, model.frame, atol=1.0).label_mismatches / 285
    assert not check(model.estimator, scorer, model.frame, atol=1.0, label_mismatch=share / 2).ok
    assert check(model.estimator, scorer, model.frame, atol=1.0, label_mismatch=share).ok


def test_a_long_frame_is_scored_in_pieces_and_an_empty_one_gives_nothing() -> None:
    model = fitted("mixed-logistic")
    one = exported(model)
    scorer = Scorer(one.onnx, one.signature)
    long = pd.concat([model.frame] * 60, ignore_index=True)
    expected = np.tile(scorer.score(model.frame).values, 60)
    assert len(long) > 2 * 8192
    assert np.array_equal(scorer.score(long).values, expected)
    assert len(scorer.score(model.frame.iloc[:0])) == 0
    with pytest.raises(Refused, match="no row to evaluate on"):
        check(model.estimator, scorer, model.frame.iloc[:0], atol=1e-4)
    assert estimate(model.estimator, model.frame, BINARY).values.shape == (285,)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("größe", None, "'größe' has no value in 1 of 285"),
        ("mean area", np.nan, "'mean area' is missing in row 7"),
        ("mean area", 1e39, "which float32"),
        ("mean area", np.inf, "which float32"),
    ],
)
def test_values_that_the_model_cannot_take_are_named(
    column: str, value: float | None, message: str
) -> None:
    model = fitted("mixed-logistic")
    one = exported(model)
    frame = model.frame.astype({"mean area": "float64"})
    frame.loc[7, column] = value
    with pytest.raises(Refused, match=message):
        Scorer(one.onnx, one.signature).score(frame)


def test_a_category_that_training_never_saw_is_scored_as_the_estimator_does() -> None:
    model = fitted("mixed-logistic")
    one = exported(model)
    frame = model.frame.assign(größe="riesig")
    assert check(model.estimator, Scorer(one.onnx, one.signature), frame, atol=1e-4).ok
