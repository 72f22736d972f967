"""What the code says cannot be exported is refused by the export, too; and the other way round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from skl2onnx._supported_operators import sklearn_operator_name_map
from sklearn import (
    calibration,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    impute,
    linear_model,
    manifold,
    model_selection,
    preprocessing,
    semi_supervised,
)
from sklearn.base import is_classifier
from sklearn.pipeline import make_pipeline

from mlgitops.core.constructed import constructed
from mlgitops.core.errors import Refused
from mlgitops.core.tasks import Task
from mlgitops.core.unconvertible import TABLE
from mlgitops.ml.convertible import KNOWN
from mlgitops.ml.export import export
from tests.ml.models import ANOMALY, BINARY, MULTICLASS, REGRESSION

_HERE: dict[str, Any] = {
    "calibration": calibration,
    "compose": compose,
    "decomposition": decomposition,
    "discriminant_analysis": discriminant_analysis,
    "ensemble": ensemble,
    "text": feature_extraction.text,
    "impute": impute,
    "linear_model": linear_model,
    "model_selection": model_selection,
    "np": np,
    "preprocessing": preprocessing,
}
EXAMPLES: tuple[tuple[str, Task], ...] = (
    ("ensemble.HistGradientBoostingClassifier(categorical_features=[0], max_iter=3)", BINARY),
    ("model_selection.TunedThresholdClassifierCV(linear_model.LogisticRegression())", BINARY),
    ("model_selection.FixedThresholdClassifier(linear_model.LogisticRegression())", BINARY),
    ("text.TfidfVectorizer()", BINARY),
    ("text.CountVectorizer(token_pattern='[a-z]{3,}')", BINARY),
    ("text.TfidfVectorizer(token_pattern='[a-zA-Z0-9_]+', sublinear_tf=True)", BINARY),
    ("text.CountVectorizer(analyzer='char_wb')", BINARY),
    ("text.CountVectorizer(token_pattern='[a-zA-Z]+', strip_accents='unicode')", BINARY),
    ("preprocessing.KBinsDiscretizer(3)", BINARY),
    ("preprocessing.FunctionTransformer(func=lambda x: x)", BINARY),
    ("preprocessing.FunctionTransformer(np.cbrt)", BINARY),
    (
        "compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.cbrt,"
        " inverse_func=lambda y: y**3)",
        REGRESSION,
    ),
    ("preprocessing.QuantileTransformer(n_quantiles=9, output_distribution='normal')", BINARY),
    (
        "calibration.CalibratedClassifierCV(linear_model.LogisticRegression(),"
        " method='temperature')",
        BINARY,
    ),
    ("preprocessing.TargetEncoder()", MULTICLASS),
    ("ensemble.GradientBoostingRegressor(init=linear_model.Ridge(), n_estimators=3)", REGRESSION),
    ("decomposition.NMF(2)", BINARY),
    ("ensemble.IsolationForest(max_features=0.5, n_estimators=3)", ANOMALY),
)


def _refused(text: str, task: Task) -> list[str]:
    """What the rule says of the class that stands first in ``text``."""
    imports = "from sklearn import *\nimport numpy as np\n" + "".join(
        f"from sklearn import {name}\n" for name in _HERE if name not in ("np", "text")
    )
    source = f"{imports}from sklearn.feature_extraction import text\nmade = {text}\n"
    (first, *_) = constructed(source.encode(), "train.py", "made")
    name = first.name.rpartition(".")[2]
    return [
        known.why
        for known in TABLE
        if name in known.names and known.applies(first.given, first.unknown, task)
    ]


def _fitted(text: str, task: Task) -> tuple[Any, pd.DataFrame]:
    random = np.random.default_rng(0)
    if text.startswith("text."):
        frame = pd.DataFrame({"words": ["one two", "two three four", "four five", "six"] * 20})
        part: Any = compose.make_column_transformer((eval(text, _HERE), "words"))
    else:
        frame = pd.DataFrame({name: random.integers(1, 6, 80).astype("f4") for name in "ab"})
        if "Imputer" in text:
            frame.loc[3, "a"] = np.nan
        part = eval(text, _HERE)
    target = {
        REGRESSION: np.arange(80.0) + 1,
        BINARY: np.arange(80) % 4 > 1,
        MULTICLASS: np.arange(80) % 3,
        ANOMALY: None,
    }[task]
    if hasattr(part, "transform") and not is_classifier(part):
        last = linear_model.Ridge() if task == REGRESSION else linear_model.LogisticRegression()
        part = make_pipeline(part, last)
    return part.fit(frame, target), frame


@pytest.mark.parametrize(("text", "task"), EXAMPLES)
def test_what_the_code_says_is_refused_by_the_export_with_the_same_words(
    text: str, task: Task
) -> None:
    told = _refused(text, task)
    assert told, "the rule says nothing"
    estimator, frame = _fitted(text, task)
    with pytest.raises(Refused) as refused:
        named = ("usual", "odd")
        export(estimator, frame, task=task, row_id=None, tolerance=1e-4, named=named)
    assert any(why.removesuffix(" for it") in refused.value.message for why in told)


def test_every_entry_of_the_table_is_known_to_the_export() -> None:
    converted = {kind.__name__ for kind in sklearn_operator_name_map}
    known = {name: one for one in KNOWN for name in one.names}
    for entry in TABLE:
        for name in entry.names:
            assert name in known or name not in converted, f"{name} can be exported"
    classes = [manifold.Isomap, semi_supervised.LabelSpreading]
    assert all(one not in sklearn_operator_name_map for one in classes)


def test_what_the_export_refuses_by_name_is_in_the_table() -> None:
    told = {name for entry in TABLE for name in entry.names}
    # At the end of a pipeline others stand for them; inside of another estimator nobody does.
    inside = {"LinearDiscriminantAnalysis", "SimpleImputer"}
    # Only with several labels, which are made elsewhere.
    inside |= {"DecisionTreeClassifier", "ExtraTreeClassifier"}
    assert {name for one in KNOWN for name in one.names} <= told | inside


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("discriminant_analysis.LinearDiscriminantAnalysis()", MULTICLASS),
        ("preprocessing.TargetEncoder()", BINARY),
        ("preprocessing.FunctionTransformer()", BINARY),
        ("preprocessing.KBinsDiscretizer(encode='ordinal')", BINARY),
        ("preprocessing.KBinsDiscretizer(encode=how)", BINARY),
        ("preprocessing.KBinsDiscretizer(**options)", BINARY),
        ("ensemble.GradientBoostingRegressor(init='zero')", REGRESSION),
        ("ensemble.HistGradientBoostingClassifier(categorical_features=chosen)", BINARY),
        ("text.TfidfVectorizer(token_pattern='[a-zA-Z]+')", BINARY),
        ("text.TfidfVectorizer(token_pattern=pattern, analyzer='word')", BINARY),
        ("text.CountVectorizer(analyzer='char')", BINARY),
    ],
)
def test_what_may_be_exported_or_is_not_written_there_is_not_refused(text: str, task: Task) -> None:
    assert _refused(text, task) == []


SOURCE = '''\
"""Größe."""
import sklearn.preprocessing as prep
from sklearn.preprocessing import FunctionTransformer as Function
from elsewhere import TransformedTargetRegressor

LATER = prep.KBinsDiscretizer(4)


def helper():
    größe = 1; return Function(lambda x: x), LATER


def other():
    return Function(len)


def fit(train):
    return helper(), TransformedTargetRegressor()
'''


def test_helpers_and_globals_of_the_same_file_are_followed_and_named_by_their_place() -> None:
    found = constructed(SOURCE.encode(), "train.py", "fit")
    places = {
        one.name: (one.line, one.column, one.length) for one in found if "sklearn" in one.name
    }
    assert places == {
        "sklearn.preprocessing.KBinsDiscretizer": (6, 14, 16),
        "sklearn.preprocessing.FunctionTransformer": (10, 23, 8),
    }
    assert "elsewhere.TransformedTargetRegressor" in {one.name for one in found}
    assert constructed(b"def fit(:", "train.py", "fit") == ()
