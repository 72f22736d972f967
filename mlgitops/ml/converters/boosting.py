"""LightGBM and XGBoost, through the converters of onnxmltools (extra ``boosting``)."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, Final

import numpy as np

from mlgitops.core.errors import Refused
from mlgitops.ml.convertible import place
from mlgitops.ml.thresholds import floor32

# Class → where its converter is, and the name that skl2onnx knows it by.
_KNOWN: Final = {
    "LGBMClassifier": ("lightgbm.operator_converters.LightGbm", "convert_lightgbm", "LightGbm"),
    "LGBMRegressor": ("lightgbm.operator_converters.LightGbm", "convert_lightgbm", "LightGbm"),
    "XGBClassifier": ("xgboost.operator_converters.XGBoost", "convert_xgboost", "XGBoost"),
    "XGBRegressor": ("xgboost.operator_converters.XGBoost", "convert_xgboost", "XGBoost"),
    "LGBMRanker": ("lightgbm.operator_converters.LightGbm", "convert_lightgbm", "LightGbm"),
    "XGBRanker": ("xgboost.operator_converters.XGBoost", "convert_xgboost", "XGBoost"),
}
_SIZES: Final = re.compile(r"^tree_sizes=.*\n", re.MULTILINE)
_THRESHOLDS: Final = re.compile(r"^threshold=(.+)$", re.MULTILINE)


def is_one(part: Any) -> bool:
    """Return whether ``part`` is an estimator of LightGBM or XGBoost."""
    return type(part).__module__.partition(".")[0] in ("lightgbm", "xgboost")


def register(path: str, part: Any) -> None:
    """Make the class of ``part`` known to skl2onnx."""
    name = type(part).__name__
    if name not in _KNOWN:
        known = ", ".join(_KNOWN)
        raise Refused(
            f"{place(path, part)}: there is no converter for it",
            hint=f"use one of {known}, or hand over a ready-made .onnx",
        )
    module, function, alias = _KNOWN[name]
    try:
        convert = getattr(import_module(f"onnxmltools.convert.{module}"), function)
    except ImportError as error:
        raise Refused(
            f"{place(path, part)}: its converter needs a package that is not installed ({error})",
            hint="pip install 'mlgitops[boosting]'",
        ) from error
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator as shapes

    classes = name.endswith("Classifier")
    update_registered_converter(
        type(part),
        alias + name,
        shapes.calculate_linear_classifier_output_shapes
        if classes
        else shapes.calculate_linear_regressor_output_shapes,
        convert,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]}
        if classes
        else {"split": None}
        if alias == "LightGbm"
        else {},
    )


def prepare(part: Any) -> None:
    """Change a copy of an estimator so that its converter says what it answers for float32.

    LightGBM compares float32 inputs with float64 thresholds, which the graph has to hold in
    float32: rounded down they split every float32 number alike. The converter of XGBoost reads no
    column names.
    """
    if type(part).__module__.startswith("lightgbm"):
        import lightgbm

        booster = part.booster_
        # Without the sizes of the trees in bytes, which change, it reads one after the other.
        text = _SIZES.sub("", booster.model_to_string(num_iteration=-1))
        text = _THRESHOLDS.sub(_floored, text)
        part._Booster = lightgbm.Booster(model_str=text)
    else:
        part.get_booster().feature_names = None


def _floored(line: re.Match[str]) -> str:
    values = floor32(np.array(line[1].split(), dtype=np.float64))
    return "threshold=" + " ".join(repr(float(value)) for value in values)
