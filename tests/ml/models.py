"""Real estimators on real data, made small, for the tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mlgitops.core.tasks import Task

REGRESSION: Task = "regression"
BINARY: Task = "binary-classification"
ANOMALY: Task = "anomaly-detection"
MULTICLASS: Task = "multiclass-classification"


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator with the rows to evaluate it on."""

    estimator: Any
    frame: pd.DataFrame
    target: np.ndarray
    task: Task


def mixed() -> pd.DataFrame:
    """Breast cancer, with what real tables have: names that are no identifiers, strings, gaps."""
    data = load_breast_cancer(as_frame=True).frame.copy()
    data = data.astype({name: "float32" for name in data.columns if name != "target"})
    random = np.random.default_rng(5)
    data["label"] = random.normal(size=len(data)).astype("float32")
    data.loc[random.random(len(data)) < 0.1, "mean texture"] = np.nan
    sizes = np.digitize(data["mean area"], [400, 700])
    data["größe"] = np.array(["klein", "mittel", "groß"])[sizes]
    data["hour"] = random.integers(0, 24, len(data))
    data["row"] = [f"r{n}" for n in range(len(data))]
    data["seen"] = pd.Timestamp("2026-01-05") + pd.to_timedelta(np.arange(len(data)), unit="h")
    return data


def prepared(model: Any, *, dense: bool = False) -> Pipeline:
    """A pipeline as people write them, for the columns of ``mixed``."""
    encoder = OrdinalEncoder if dense else OneHotEncoder
    unknown: dict[str, Any] = {"handle_unknown": "ignore"}
    if dense:
        unknown = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    columns = ColumnTransformer(
        [
            (
                "gaps",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                ["mean texture", "mean area", "label"],
            ),
            ("words", encoder(**unknown), ["größe"]),
            ("hours", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["hour"]),
        ]
    )
    return Pipeline([("features", columns), ("model", model)])


@cache
def fitted(name: str) -> Fitted:
    """Return one of the example models by name; odd rows train, even rows evaluate."""
    if name in ("mixed-logistic", "mixed-forest", "mixed-boosting"):
        data = mixed()
        estimator = prepared(
            {
                "mixed-logistic": LogisticRegression(max_iter=500),
                "mixed-forest": RandomForestClassifier(100, random_state=0),
                "mixed-boosting": HistGradientBoostingClassifier(max_iter=30),
            }[name],
            dense=name == "mixed-boosting",
        )
        return _fit(estimator, data.drop(columns="target"), data["target"] == 1, BINARY)
    if name == "diabetes-boosting":
        frame, target = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
        model = GradientBoostingRegressor(n_estimators=40, random_state=0)
        return _fit(model, frame.astype("float32"), target, REGRESSION)
    if name == "diabetes-ridge":
        frame, target = load_diabetes(return_X_y=True, as_frame=True)
        pipeline = make_pipeline(StandardScaler(), Ridge())
        return _fit(pipeline, frame.astype("float32"), target, REGRESSION)
    if name == "diabetes-gaps":
        frame, target = load_diabetes(return_X_y=True, as_frame=True)
        frame = frame.astype("float32").mask(np.random.default_rng(1).random(frame.shape) < 0.1)
        return _fit(HistGradientBoostingRegressor(max_iter=30), frame, target, REGRESSION)
    if name == "iris":
        data = load_iris(as_frame=True)
        names = np.asarray(data.target_names)[data.target]
        model = LogisticRegression(max_iter=500)
        return _fit(model, data.data.astype("float32"), pd.Series(names), MULTICLASS)
    if name == "wine-forest":
        frame, target = load_wine(return_X_y=True, as_frame=True)
        model = RandomForestClassifier(20, random_state=0)
        return _fit(model, frame.astype("float32"), target, MULTICLASS)
    raise KeyError(name)


EXAMPLES = (
    "mixed-logistic",
    "mixed-forest",
    "mixed-boosting",
    "diabetes-boosting",
    "diabetes-ridge",
    "diabetes-gaps",
    "iris",
    "wine-forest",
)


def _fit(estimator: Any, frame: pd.DataFrame, target: Any, task: Task) -> Fitted:
    odd = np.arange(len(frame)) % 2 == 1
    estimator.fit(frame[odd], target[odd])
    rest = frame[~odd].reset_index(drop=True)
    return Fitted(estimator=estimator, frame=rest, target=np.asarray(target[~odd]), task=task)
