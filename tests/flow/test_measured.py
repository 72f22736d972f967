"""What a model takes is measured in a process of its own, and told with its machine."""

import io
import json
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlgitops.core.errors import Refused
from mlgitops.flow.evidence.measured import figures
from mlgitops.flow.evidence.measuring import measure
from mlgitops.ml.export import export
from mlgitops.ml.scoring import Scorer
from tests.ml.models import BINARY, mixed


@pytest.fixture(scope="module")
def scorer():
    data = mixed()
    # A column may be called as a parameter of the function that stores it.
    data = data.rename(columns={"mean area": "file", "mean texture": "names"}).dropna()
    names = ["file", "names"]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data[names], data["target"])
    made = export(model, data[names], task=BINARY, row_id=None, tolerance=1e-4)
    return made.onnx, Scorer(made.onnx, made.signature), data


def test_a_model_is_measured_at_one_row_and_at_64_with_the_machine_in_words(scorer):
    onnx, door, frame = scorer
    found: Any = figures(onnx, door, frame)
    assert found["size"] == len(onnx)
    assert set(found["latency"]) == {"1", "64"}
    for timed in found["latency"].values():
        assert 0 < timed["p50_ms"] <= timed["p90_ms"] <= timed["p99_ms"]
        assert timed["calls"] >= 20
    assert found["memory"]["runtime"] > found["memory"]["peak"] >= found["memory"]["loaded"] >= 0
    assert found["latency_p99_ms"] == found["latency"]["1"]["p99_ms"]
    for fact in (found["host"]["cpu"], found["host"]["onnxruntime"], "Python"):
        assert fact in found["machine"]
    json.dumps(found, allow_nan=False)


def test_fewer_rows_than_a_batch_are_taken_again(scorer, tmp_path):
    onnx, door, frame = scorer
    (tmp_path / "model.onnx").write_bytes(onnx)
    feeds = door.feeds(frame.head(3))
    stored = io.BytesIO()
    np.savez(stored, names=np.array(list(feeds)), c0=feeds["file"], c1=feeds["names"])
    (tmp_path / "rows.npz").write_bytes(stored.getvalue())
    found = measure(tmp_path / "model.onnx", tmp_path / "rows.npz")
    assert found["latency"]["64"]["calls"] >= 20


def test_a_model_that_cannot_be_loaded_is_refused_with_the_reason(scorer):
    _, door, frame = scorer
    with pytest.raises(Refused, match=r"cannot be measured in a process of its own: .*load"):
        figures(b"no model", door, frame)
