"""Smaller forms of a model: the same bytes every time, the same door, the standard's operators."""

from __future__ import annotations

import logging

import numpy as np
import onnx
import pytest
from sklearn.neural_network import MLPClassifier

from mlgitops.core.errors import Refused
from mlgitops.ml.export import Exported, export
from mlgitops.ml.optimizing import Way, optimized
from mlgitops.ml.parity import check
from mlgitops.ml.scoring import Scorer
from tests.ml.models import BINARY, Fitted, fitted, prepared


@pytest.fixture(scope="module")
def net() -> tuple[Fitted, Exported]:
    """A pipeline with a network, which is made of matrix products."""
    rows = fitted("mixed-logistic")
    network = MLPClassifier((128, 64), max_iter=60, tol=1e-2, random_state=0)
    model = Fitted(
        estimator=prepared(network).fit(rows.frame, rows.target),
        frame=rows.frame,
        target=rows.target,
        task=BINARY,
    )
    made = export(model.estimator, model.frame, task=BINARY, row_id="row", tolerance=1e-4)
    return model, made


@pytest.mark.parametrize("way", ["graph", "quantize"])
def test_another_form_has_the_same_door_and_the_same_bytes_every_time(
    net: tuple[Fitted, Exported], way: Way
) -> None:
    model, made = net
    data = optimized(made.onnx, way)
    assert data is not None and data == optimized(made.onnx, way)
    old, new = onnx.load_from_string(made.onnx), onnx.load_from_string(data)
    assert [one.name for one in new.graph.input] == [one.name for one in old.graph.input]
    assert [one.name for one in new.graph.output] == [one.name for one in old.graph.output]
    assert {one.domain for one in new.opset_import} == {one.domain for one in old.opset_import}
    assert {node.domain for node in new.graph.node} <= {"", "ai.onnx", "ai.onnx.ml"}
    scorer = Scorer(data, made.signature)
    apart = np.abs(scorer.score(model.frame).values - Scorer(made.onnx, made.signature).score(
        model.frame).values).max()  # fmt: skip
    assert apart < (1e-6 if way == "graph" else 0.2)


def test_folding_keeps_parity_and_8_bits_are_a_third_of_the_size_and_do_not(
    net: tuple[Fitted, Exported],
) -> None:
    model, made = net
    folded, small = optimized(made.onnx, "graph"), optimized(made.onnx, "quantize")
    assert folded is not None and small is not None
    assert len(folded) < len(made.onnx) and len(small) < len(made.onnx) / 2
    assert check(model.estimator, Scorer(folded, made.signature), model.frame, atol=1e-4).ok
    assert not check(model.estimator, Scorer(small, made.signature), model.frame, atol=1e-4).ok


def test_trees_have_nothing_to_be_changed() -> None:
    model = fitted("wine-forest")
    made = export(model.estimator, model.frame, task=model.task, row_id=None, tolerance=1e-4)
    assert optimized(made.onnx, "quantize") is None
    assert optimized(made.onnx, "graph") is None


def test_what_cannot_be_done_is_refused_and_loggers_are_as_they_were() -> None:
    before = logging.root.manager.disable
    with pytest.raises(Refused, match="onnxruntime cannot do it") as refused:
        optimized(_unloadable(), "graph")
    assert refused.value.hint == "leave `graph` out of export.optimize"
    assert logging.root.manager.disable == before


def _unloadable() -> bytes:
    model = fitted("iris")
    made = export(model.estimator, model.frame, task=model.task, row_id=None, tolerance=1e-4)
    broken = onnx.load_from_string(made.onnx)
    broken.graph.node[0].op_type = "NoSuchOperator"
    return broken.SerializeToString()
