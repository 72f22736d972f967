"""Small released models, made as a release makes them: pipeline → ONNX → golden rows."""

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlgitops.core import signatures
from mlgitops.core.digests import of_bytes
from mlgitops.core.signatures import Field, Signature

ROWS = 400
GOLDEN = 20

TEMPERATURE = Field(name="temperature", kind="number", nullable=True, low=-20, high=40)
DISTANCE = Field(name="distance", kind="number", low=0, high=5000)
CARRIER = Field(name="carrier", kind="string", categories=("AA", "DL", "Ünïted"))


def frame() -> pd.DataFrame:
    """Rows with a missing temperature here and there."""
    draw = np.random.default_rng(7)
    temperature = draw.normal(10, 8, ROWS).round(1).astype(np.float32)
    temperature[::9] = np.nan
    return pd.DataFrame(
        {
            "temperature": temperature,
            "distance": draw.integers(100, 5000, ROWS).astype(np.float32),
            "carrier": draw.choice(["AA", "DL", "Ünïted"], ROWS),
        }
    )


def delays(directory: Path, *, unknown: str = "ignore") -> Path:
    """Binary classification over two numbers and a string, with a row id."""
    rows = frame()
    late = rows["distance"].gt(2500) ^ rows["carrier"].eq("DL")
    model = make_pipeline(_prepare(unknown), LogisticRegression()).fit(rows, late)
    signature = Signature(
        task="binary-classification",
        inputs=(TEMPERATURE, DISTANCE, CARRIER),
        classes=("False", "True"),
        row_id="flight_id",
    )
    scores = model.predict_proba(rows[:GOLDEN])[:, 1]
    labels = ["True" if score >= 0.5 else "False" for score in scores]
    outputs = {"label": labels, "score": scores.tolist()}
    return write(directory, "flight-delay", signature, model, rows, outputs)


def bikes(directory: Path) -> Path:
    """Regression over the same columns, with predictions in the thousands."""
    rows = frame()
    count = rows["distance"] * 3 + rows["carrier"].eq("AA") * 1000
    forest = RandomForestRegressor(20, random_state=7)
    model = make_pipeline(_prepare(), forest).fit(rows, count)
    signature = Signature(task="regression", inputs=(TEMPERATURE, DISTANCE, CARRIER))
    outputs = {"prediction": model.predict(rows[:GOLDEN]).tolist()}
    return write(directory, "bike-demand", signature, model, rows, outputs)


def seasons(directory: Path) -> Path:
    """Three classes over the same columns."""
    rows = frame()
    season = np.digitize(rows["distance"], [1500, 3500])
    forest = RandomForestClassifier(15, random_state=7)
    model = make_pipeline(_prepare(), forest).fit(rows, season)
    signature = Signature(
        task="multiclass-classification",
        inputs=(TEMPERATURE, DISTANCE, CARRIER),
        classes=("low", "mid", "high"),
    )
    found = model.predict_proba(rows[:GOLDEN])
    labels = [signature.classes[code] for code in found.argmax(axis=1)]
    outputs = {"label": labels, "probabilities": found.tolist()}
    return write(directory, "season", signature, model, rows, outputs)


def write(
    directory: Path,
    name: str,
    signature: Signature,
    model: object,
    rows: pd.DataFrame,
    outputs: dict[str, list],
) -> Path:
    """Write the four files of a release."""
    kinds = {"number": FloatTensorType, "string": StringTensorType}
    graph = to_onnx(
        model,
        initial_types=[(field.name, kinds[field.kind]([None, 1])) for field in signature.inputs],
        options={"zipmap": False} if signature.classes else None,
        target_opset={"": 18, "ai.onnx.ml": 3},
    ).SerializeToString()
    golden = {
        "inputs": {
            column: [None if value != value else value for value in rows[column][:GOLDEN].tolist()]
            for column in rows
        },
        "outputs": outputs,
    }
    files = {
        "model.onnx": graph,
        "signature.json": json.dumps(signatures.to_json(signature)).encode(),
        "golden.json": json.dumps(golden).encode(),
    }
    release = {
        "model": name,
        "version": "1.4.0",
        "digest": of_bytes(graph),
        "files": {file: of_bytes(data) for file, data in files.items()},
    }
    directory.mkdir(parents=True)
    for file, data in files.items():
        (directory / file).write_bytes(data)
    (directory / "release.json").write_text(json.dumps(release))
    return directory


def own_answers(directory: Path, rows: pd.DataFrame) -> np.ndarray:
    """What onnxruntime itself gives for ``rows``: probabilities or predictions."""
    session = ort.InferenceSession(str(directory / "model.onnx"))
    feed = {column: rows[column].to_numpy().reshape(-1, 1) for column in rows}
    feed = {k: v.astype(object) if v.dtype.kind not in "f" else v for k, v in feed.items()}
    outputs = [node.name for node in session.get_outputs() if node.type == "tensor(float)"]
    return session.run(outputs, feed)[0]


def _prepare(unknown: str = "ignore") -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    strings = OneHotEncoder(handle_unknown=unknown, sparse_output=False)
    return ColumnTransformer(
        [("numbers", numbers, ["temperature", "distance"]), ("strings", strings, ["carrier"])]
    )
