"""LightGBM and XGBoost answer in ONNX what they answer themselves, for every float32 number."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from mlgitops.core.errors import Refused
from mlgitops.ml.export import export
from mlgitops.ml.parity import check
from mlgitops.ml.scoring import Scorer

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

RNG = np.random.default_rng(3)
ROWS = pd.DataFrame(
    {
        "price": (RNG.random(1500) * 100).round(2),
        "when": 1.7e9 + RNG.integers(0, 10**7, 1500),
        "gap": np.where(RNG.random(1500) < 0.2, np.nan, RNG.normal(size=1500)),
    }
).astype("float32")
LATE = (ROWS["price"] + 30 * ROWS["gap"].fillna(1) + RNG.normal(size=1500) * 9 > 60).astype(int)
KINDS = {
    "lightgbm": (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor, {"verbose": -1}),
    "xgboost": (xgboost.XGBClassifier, xgboost.XGBRegressor, {}),
}


def beside_thresholds(frame: pd.DataFrame) -> pd.DataFrame:
    """Every value with its two neighbours in float32."""
    around = [np.nextafter(frame, np.float32(way), dtype="float32") for way in (-np.inf, np.inf)]
    return pd.concat([frame, *(pd.DataFrame(one, columns=frame.columns) for one in around)])


@pytest.mark.parametrize("library", KINDS)
@pytest.mark.parametrize("task", ["binary-classification", "multiclass-classification"])
def test_a_classifier_answers_the_same_also_beside_its_thresholds(library: str, task: str) -> None:
    make, _, more = KINDS[library]
    target = LATE if task.startswith("binary") else LATE + (ROWS["price"] > 80)
    model = make(n_estimators=40, n_jobs=1, **more).fit(ROWS, target)
    made = export(model, ROWS, task=task, row_id=None, tolerance=1e-4)  # type: ignore[arg-type]
    assert [field.name for field in made.signature.inputs] == list(ROWS)
    frame = beside_thresholds(ROWS)
    found = check(model, Scorer(made.onnx, made.signature), frame, atol=1e-5)
    assert found.ok and found.rows == 4500, found
    again = export(model, ROWS, task=task, row_id=None, tolerance=1e-4)  # type: ignore[arg-type]
    assert again.onnx == made.onnx


@pytest.mark.parametrize("library", KINDS)
def test_a_regressor_answers_the_same_and_stays_as_it_was(library: str) -> None:
    _, make, more = KINDS[library]
    model = make(n_estimators=40, n_jobs=1, **more).fit(ROWS, ROWS["price"] * 2 + LATE)
    before = model.predict(ROWS)
    made = export(model, ROWS, task="regression", row_id=None, tolerance=1e-3)
    assert check(model, Scorer(made.onnx, made.signature), beside_thresholds(ROWS), atol=1e-3).ok
    assert (model.predict(ROWS) == before).all()
    assert list(model.feature_names_in_) == list(ROWS)


def test_without_the_converters_package_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(ROWS, LATE)
    for name in [one for one in sys.modules if one.startswith("onnxmltools")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxmltools", None)
    with pytest.raises(Refused, match="needs a package that is not installed") as caught:
        export(model, ROWS, task="binary-classification", row_id=None, tolerance=1e-4)
    assert caught.value.hint == "pip install 'mlgitops[boosting]'"


def test_what_has_no_converter_is_refused_by_name() -> None:
    model = xgboost.XGBRFRegressor(n_estimators=2)
    model.fit(ROWS, LATE)
    with pytest.raises(Refused, match="XGBRFRegressor cannot be exported: there is no converter"):
        export(model, ROWS, task="regression", row_id=None, tolerance=1e-4)
