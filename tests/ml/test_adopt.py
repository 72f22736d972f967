"""An ONNX model from elsewhere comes to the same door as our own."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from mlgitops.core.errors import Refused
from mlgitops.core.tasks import Task
from mlgitops.ml.adopt import adopt
from mlgitops.ml.export import Exported
from mlgitops.ml.parity import check, estimate
from mlgitops.ml.scoring import Scorer
from tests.ml.models import BINARY, MULTICLASS, REGRESSION, fitted


def _adopt(data: bytes, frame: pd.DataFrame, task: Task, classes: tuple[str, ...] = ()) -> Exported:
    return adopt(data, frame, task=task, classes=classes, row_id=None, tolerance=1e-4)


@pytest.mark.parametrize("kind", [FloatTensorType, DoubleTensorType])
@pytest.mark.parametrize("width", [4, None])
def test_a_matrix_becomes_one_input_per_column(kind: Any, width: int | None) -> None:
    iris = fitted("iris")
    naive = convert_sklearn(
        iris.estimator,
        initial_types=[("x", kind([None, width]))],
        options={"zipmap": False},
        target_opset=15,
    )
    classes = ("setosa", "versicolor", "virginica")
    one = _adopt(naive.SerializeToString(), iris.frame, MULTICLASS, classes)
    session = onnxruntime.InferenceSession(one.onnx)
    assert [value.name for value in session.get_inputs()] == list(iris.frame.columns)
    assert {value.type for value in session.get_inputs()} == {"tensor(float)"}
    assert [(v.name, v.type, v.shape[1]) for v in session.get_outputs()] == [
        ("probabilities", "tensor(float)", 3)
    ]
    assert check(iris.estimator, Scorer(one.onnx, one.signature), iris.frame, atol=1e-4).ok
    assert one.notes == ("handed over as ONNX: there is no estimator to compare it with",)


def _logistic(
    *, vector: bool = False, kind: int = TensorProto.DOUBLE, output: str = "prediction"
) -> bytes:
    """sigmoid(2 a - b), as another framework would write it: vectors or columns, any type."""
    shape: list[str | int | None] = ["N"] if vector else ["N", 1]
    weights = [numpy_helper.from_array(np.array(w, dtype="f4"), f"w{w}") for w in (2, -1)]
    nodes = [
        helper.make_node("Cast", ["a"], ["a1"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["b"], ["b1"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["a1", "w2"], ["a2"]),
        helper.make_node("Mul", ["b1", "w-1"], ["b2"]),
        helper.make_node("Add", ["a2", "b2"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["p"]),
        helper.make_node("Cast", ["p"], [output], to=TensorProto.DOUBLE),
    ]
    graph = helper.make_graph(
        nodes,
        "other",
        [helper.make_tensor_value_info(name, kind, shape) for name in ("a", "b", "unused")],
        [helper.make_tensor_value_info(output, TensorProto.DOUBLE, shape)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64])
@pytest.mark.parametrize("output", ["prediction", "probabilities", "w2__", "a__inner"])
def test_columns_of_any_number_type_and_rank_are_taken_by_name(
    vector: bool, kind: int, output: str
) -> None:
    frame = pd.DataFrame({"b": [1, 2, 3], "unused": [0, 0, 0], "a": [3, 1, 0]})
    truth = 1 / (1 + np.exp(frame["b"] - 2.0 * frame["a"]))
    data = _logistic(vector=vector, kind=kind, output=output)
    line = _adopt(data, frame, REGRESSION)
    assert [field.name for field in line.signature.inputs] == ["a", "b"]
    found = Scorer(line.onnx, line.signature).score(frame).values
    assert found == pytest.approx(np.asarray(truth), abs=1e-6)
    # One number for two classes is the probability of the second.
    both = _adopt(data, frame, BINARY, ("no", "yes"))
    scores = Scorer(both.onnx, both.signature).score(frame)
    assert scores.values == pytest.approx(np.asarray(truth), abs=1e-6)
    assert np.asarray(scores.labels()).tolist() == [1, 1, 0]


def test_a_model_with_maps_instead_of_tensors_is_refused() -> None:
    iris = fitted("iris")
    with_maps = convert_sklearn(
        iris.estimator, initial_types=[("x", FloatTensorType([None, 4]))], target_opset=15
    )
    with pytest.raises(Refused, match="has no output for multiclass") as refused:
        _adopt(with_maps.SerializeToString(), iris.frame, MULTICLASS, ("a", "b", "c"))
    assert refused.value.hint is not None and "zipmap" in refused.value.hint


def test_a_table_that_does_not_fit_the_model_is_refused() -> None:
    frame = pd.DataFrame({"a": [1.0, None], "b": [1.0, 2.0], "unused": [0.0, 0.0]})
    with pytest.raises(Refused, match="'a', which the data lacks"):
        _adopt(_logistic(), frame.drop(columns="a"), REGRESSION)
    with pytest.raises(Refused, match="which know no NaN"):
        _adopt(_logistic(kind=TensorProto.INT64), frame, REGRESSION)
    with pytest.raises(Refused, match="holds one string there"):
        _adopt(_logistic(), frame.assign(a="x"), REGRESSION)
    with pytest.raises(Refused, match="no whole ONNX model"):
        _adopt(b"not a model", frame, REGRESSION)
    iris = fitted("iris")
    matrix = convert_sklearn(
        iris.estimator,
        initial_types=[("x", FloatTensorType([None, 4]))],
        options={"zipmap": False},
        target_opset=15,
    ).SerializeToString()
    with pytest.raises(Refused, match="the data has 5 columns"):
        _adopt(matrix, iris.frame.assign(more=1.0), MULTICLASS, ("a", "b", "c"))


def test_our_own_export_can_be_handed_over_again() -> None:
    model = fitted("mixed-logistic")
    from tests.ml.test_export import exported

    ours = exported(model)
    again = _adopt(ours.onnx, model.frame, BINARY, ours.signature.classes)
    assert again.signature.inputs == ours.signature.inputs
    scores = Scorer(again.onnx, again.signature).score(model.frame)
    truth = estimate(model.estimator, model.frame, BINARY)
    assert scores.values == pytest.approx(truth.values, abs=1e-6)
    onnx.checker.check_model(onnx.load_from_string(again.onnx))


def _linear(width: int | None) -> bytes:
    """As many numbers a row as ``width``, from two columns."""
    weight = numpy_helper.from_array(np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]], "f4"), "w")
    graph = helper.make_graph(
        [
            helper.make_node("Concat", ["a", "b"], ["x"], axis=1),
            helper.make_node("MatMul", ["x", "w"], ["raw"]),
            helper.make_node("Sigmoid", ["raw"], ["out"]),
        ],
        "net",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 1]) for n in ("a", "b")],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", width])],
        [weight],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def test_labels_and_clusters_are_taken_over_as_well() -> None:
    frame = pd.DataFrame({"a": [0.0, 3.0], "b": [2.0, -1.0]}, dtype="float32")
    labels = _adopt(_linear(3), frame, "multilabel-classification", ("x", "y", "z"))
    assert labels.signature.outputs() == ("probabilities",)
    found = Scorer(labels.onnx, labels.signature).score(frame).labels()
    assert np.array_equal(np.asarray(found), [[1, 1, 0], [1, 0, 0]])
    clusters = _adopt(_linear(3), frame, "clustering")
    assert clusters.signature.classes == ("0", "1", "2")
    found = Scorer(clusters.onnx, clusters.signature).score(frame).labels()
    assert np.array_equal(np.asarray(found), [1, 0])
    with pytest.raises(Refused, match="how many clusters"):
        _adopt(_linear(None), frame, "clustering")
    named = _adopt(_linear(None), frame, "clustering", ("north", "south", "west"))
    assert named.signature.classes == ("north", "south", "west")
    with pytest.raises(Refused, match="no output for ranking"):
        _adopt(_linear(3), frame, "ranking")
