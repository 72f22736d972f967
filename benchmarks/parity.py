"""How many usual pipelines answer as their estimator does, on evaluation and adversarial rows.

``python -m benchmarks.parity [float32,float64]``: eight ways to prepare prices in cents, counts,
epoch seconds and a normal number, before seven classifiers and five regressors; half of 4,000 rows
trains, the other half is judged. Prints a line for each pipeline that is not released and why, and
a table. Takes four minutes for both.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC

from mlgitops.core.errors import Refused
from mlgitops.core.tasks import Task
from mlgitops.ml import beside
from mlgitops.ml.export import export
from mlgitops.ml.parity import asker, check, estimate
from mlgitops.ml.scoring import Scorer

ROWS = 4000
NUMBERS = ["price", "count", "epoch", "x"]


def data(kind: str) -> tuple[pd.DataFrame, Any]:
    """Return rows with numbers of type ``kind``, and a score that follows from them."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "price": np.round(random.lognormal(3, 1, ROWS), 2),
            "count": random.integers(0, 50, ROWS).astype(float),
            "epoch": 1.7e9 + random.integers(0, 30_000_000, ROWS),
            "x": random.normal(size=ROWS),
        }
    )
    frame = frame.astype(np.dtype(kind))
    frame["city"] = random.choice(["Köln", "Paris", "Łódź", "Rome"], ROWS)
    score = np.log(frame["price"]) + frame["count"] / 25 + frame["x"] + (frame["city"] == "Köln")
    return frame, score + random.normal(size=ROWS) * 0.7


def pipelines() -> Iterator[tuple[str, Any]]:
    """Yield every pipeline with its name."""
    ways: dict[str, Any] = {
        "as is": "passthrough",
        "StandardScaler": StandardScaler(),
        "MinMaxScaler": MinMaxScaler(),
        "RobustScaler": RobustScaler(),
        "SimpleImputer + StandardScaler": make_pipeline(SimpleImputer(), StandardScaler()),
        "QuantileTransformer": QuantileTransformer(n_quantiles=100),
        "StandardScaler + PolynomialFeatures": make_pipeline(
            StandardScaler(), PolynomialFeatures(2)
        ),
        "KBinsDiscretizer": KBinsDiscretizer(encode="ordinal", subsample=None),
    }
    usual: list[Any] = [
        LogisticRegression(max_iter=300),
        RandomForestClassifier(50, random_state=0),
        GradientBoostingClassifier(n_estimators=30, random_state=0),
        HistGradientBoostingClassifier(max_iter=30, random_state=0),
        MLPClassifier((16,), max_iter=60, random_state=0),
    ]
    slow: list[Any] = [SVC(probability=True), KNeighborsClassifier()]
    regressors: list[Any] = [
        Ridge(),
        PoissonRegressor(),
        RandomForestRegressor(50, random_state=0),
        HistGradientBoostingRegressor(max_iter=30),
        GradientBoostingRegressor(n_estimators=30),
    ]
    for name, way in ways.items():
        models = list(usual)
        models += slow if name == "StandardScaler" else []
        models += regressors if name in ("as is", "StandardScaler") else []
        for model in models:
            words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            columns = ColumnTransformer([("n", way, NUMBERS), ("c", words, ["city"])])
            title = f"{name} → {type(model).__name__}"
            yield title, Pipeline([("columns", columns), ("model", model)])


def proof(pipeline: Any, frame: pd.DataFrame, score: Any) -> tuple[str, str, int]:
    """Return what becomes of a pipeline, the figures, and how many adversarial rows were asked."""
    regression = is_regressor(pipeline)
    task: Task = "regression" if regression else "binary-classification"
    target = np.exp(score / 4) if regression else score > np.median(score)
    half = len(frame) // 2
    pipeline.fit(frame[:half], target[:half])
    held = frame[half:].reset_index(drop=True)
    try:
        made = export(pipeline, held, task=task, row_id=None, tolerance=1e-4)
    except Refused as error:
        return "not converted", error.message, 0
    scorer = Scorer(made.onnx, made.signature)
    plain = check(pipeline, scorer, held, atol=1e-4)
    truth = estimate(pipeline, held, task)
    allowed = beside.tolerance(held, made.signature, truth, atol=1e-4, rtol=0, rows=0)
    odd = beside.check(held, scorer, asker(pipeline, task), made.onnx, allowed)
    wrong, count = int(odd.judged.breaches.sum()), len(odd.asked.rows)
    told = f"{plain.rows_over} of {plain.rows} evaluation rows, {wrong} of {count} adversarial ones"
    if not plain.ok:
        return "refused on evaluation rows", told, count
    if not odd.ok:
        return "refused on adversarial rows alone", told, count
    return ("released, some shifted" if odd.judged.shifted.any() else "released"), told, count


def main() -> None:
    """Measure, and print."""
    warnings.simplefilter("ignore")
    for kind in (sys.argv[1] if len(sys.argv) > 1 else "float32,float64").split(","):
        frame, score = data(kind)
        counted: dict[str, int] = {}
        rows, start = 0, time.perf_counter()
        for name, pipeline in pipelines():
            state, told, count = proof(pipeline, frame, score)
            counted[state] = counted.get(state, 0) + 1
            rows += count
            if not state.startswith("released"):
                print(f"{kind} {name}: {state}: {told}", flush=True)
        took = time.perf_counter() - start
        print(f"{kind}: {counted}; {rows:,} adversarial rows; {took:.0f} s with training")


if __name__ == "__main__":
    main()
