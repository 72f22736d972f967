"""What cannot be converted is refused by name, and only as long as the refusal is deserved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils._param_validation import InvalidParameterError

from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.core.tasks import Task
from mlgitops.ml import export as exporting
from mlgitops.ml.parity import check
from mlgitops.ml.scoring import Scorer
from mlgitops.ml.thresholds import floor32
from tests.ml.models import BINARY, MULTICLASS, REGRESSION


def rows(n: int = 600) -> pd.DataFrame:
    """Rows with every kind of column that gives a converter trouble, and three targets."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": random.normal(size=n).astype("float32"),
            "b": np.round(random.lognormal(size=n), 2).astype("float32"),
            "hour": random.integers(0, 24, n),
            "carrier": random.choice(["UA", "AA", "DL", "WN"], n, p=[0.5, 0.3, 0.15, 0.05]),
            "gaps": np.where(random.random(n) < 0.2, np.nan, random.normal(size=n)).astype("f4"),
            "whole": np.where(random.random(n) < 0.2, np.nan, random.integers(0, 3, n)),
            "text": [
                " ".join(random.choice(["late", "très", "snow", "müde", "go", "über"], 4))
                for _ in range(n)
            ],
        }
    )
    known = frame["gaps"].fillna(1.5)
    line = frame["a"] + 0.1 * frame["hour"] + (frame["carrier"] == "UA") + known
    line += frame["text"].str.contains("snow") + random.normal(size=n)
    frame[BINARY] = line > 2
    frame[MULTICLASS] = np.digitize(line, [1.0, 3.0])
    frame[REGRESSION] = np.abs(line * 3) + 0.01
    return frame


def on(columns: Any, transformer: Any, model: Any = None) -> Pipeline:
    """A pipeline that hands ``columns`` to ``transformer``."""
    chosen = ColumnTransformer([("part", transformer, columns)], sparse_threshold=0)
    return Pipeline([("features", chosen), ("model", model or LogisticRegression())])


_PLAIN = {"token_pattern": "[a-zA-Z0-9_]+"}
_BOOST = HistGradientBoostingClassifier(max_iter=10, categorical_features=[1])
_VOTERS = [("a", LogisticRegression()), ("b", GaussianNB())]


def _cubed(values: Any) -> Any:
    return values**3


# name → estimator, columns, task, what the refusal says, what its hint says
BAD: dict[str, tuple[Any, list[str], Task, str, str]] = {
    "boosting on categories": (_BOOST, ["a", "hour"], BINARY, "categorical splits", "OneHot"),
    "tuned threshold": (
        TunedThresholdClassifierCV(LogisticRegression()),
        ["a", "b"],
        BINARY,
        "threshold other than 0.5",
        "score",
    ),
    "fixed threshold": (
        FixedThresholdClassifier(LogisticRegression(), threshold=0.3),
        ["a", "b"],
        BINARY,
        "threshold other than 0.5",
        "score",
    ),
    "words beyond ascii": (on("text", TfidfVectorizer()), ["text"], BINARY, "beyond ASCII", "a-z"),
    "counted words": (on("text", CountVectorizer()), ["text"], BINARY, "beyond ASCII", "a-z"),
    "sublinear words": (
        on("text", TfidfVectorizer(sublinear_tf=True, **_PLAIN)),
        ["text"],
        BINARY,
        "sublinear_tf",
        "False",
    ),
    "stripped accents": (
        on("text", TfidfVectorizer(strip_accents="unicode", **_PLAIN)),
        ["text"],
        BINARY,
        "strip_accents",
        "features step",
    ),
    "rare categories": (
        on(["carrier"], OneHotEncoder(min_frequency=60)),
        ["carrier"],
        BINARY,
        "gathers rare categories",
        "min_frequency",
    ),
    "missing category": (
        on(["whole"], OneHotEncoder()),
        ["whole"],
        BINARY,
        "missing numbers",
        "features step",
    ),
    "sparse bins": (
        on(["a"], KBinsDiscretizer(encode="onehot", strategy="uniform")),
        ["a"],
        BINARY,
        "sparse output",
        "onehot-dense",
    ),
    "function": (
        on(["b"], FunctionTransformer(np.cbrt)),
        ["b"],
        BINARY,
        "Python function",
        "features step",
    ),
    "transformed target": (
        TransformedTargetRegressor(LinearRegression(), func=np.cbrt, inverse_func=_cubed),
        ["a", "b"],
        REGRESSION,
        "way back",
        "transformed target",
    ),
    "a discriminant in a vote": (
        VotingClassifier([*_VOTERS, ("odd", LinearDiscriminantAnalysis())], voting="soft"),
        ["a", "b"],
        BINARY,
        "step 'odd' (LinearDiscriminantAnalysis)",
        "LogisticRegression",
    ),
    "normal quantiles": (
        on(["a"], QuantileTransformer(n_quantiles=50, output_distribution="normal")),
        ["a"],
        BINARY,
        "uniform",
        "PowerTransformer",
    ),
    "splines": (on(["a"], SplineTransformer()), ["a"], BINARY, "no converter", "features step"),
    "temperature": (
        CalibratedClassifierCV(GaussianNB(), method="temperature"),
        ["a", "b"],
        BINARY,
        "temperature",
        "sigmoid",
    ),
    "target of three classes": (
        on(["carrier"], TargetEncoder()),
        ["carrier"],
        MULTICLASS,
        "more than two classes",
        "OneHotEncoder",
    ),
    "boosting from an estimator": (
        GradientBoostingClassifier(init=LogisticRegression(), n_estimators=5),
        ["a", "b"],
        BINARY,
        "`init`",
        "None",
    ),
    "forest on gaps": (
        RandomForestClassifier(10, random_state=0),
        ["a", "gaps"],
        BINARY,
        "missing values reach it",
        "SimpleImputer",
    ),
    "tree on gaps behind a step": (
        on(["a", "gaps"], FunctionTransformer(), DecisionTreeClassifier(random_state=0)),
        ["a", "gaps"],
        BINARY,
        "step 'model'",
        "HistGradientBoosting",
    ),
    "extra trees on gaps": (
        ExtraTreesRegressor(10, random_state=0),
        ["a", "gaps"],
        REGRESSION,
        "missing values reach it",
        "SimpleImputer",
    ),
    "inside a stack": (
        StackingClassifier(
            [("plain", LogisticRegression()), ("odd", LinearDiscriminantAnalysis())]
        ),
        ["a", "b"],
        BINARY,
        "step 'odd' (LinearDiscriminantAnalysis)",
        "LogisticRegression",
    ),
}


def _fit(name: str) -> tuple[Any, pd.DataFrame, Task]:
    estimator, columns, task, *_ = BAD[name]
    data = rows()
    try:
        return estimator.fit(data[columns], data[task]), data[columns], task
    except InvalidParameterError as error:
        pytest.skip(f"older than this option: {error}")


@pytest.mark.parametrize("name", BAD)
def test_a_known_bad_case_is_refused_by_name_with_the_way_out(name: str) -> None:
    estimator, frame, task = _fit(name)
    with pytest.raises(Refused) as refused:
        exporting.export(estimator, frame, task=task, row_id=None, tolerance=1e-4)
    *_, says, hint = BAD[name]
    assert says in refused.value.message
    assert refused.value.hint is not None and hint in refused.value.hint


@pytest.mark.parametrize("name", BAD)
def test_the_refusal_is_deserved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # When a new converter makes this fail, the entry can go.
    estimator, frame, task = _fit(name)
    monkeypatch.setattr(exporting, "refuse_known", lambda *_: None)
    try:
        one = exporting.export(estimator, frame, task=task, row_id=None, tolerance=1e-4)
        parity = check(estimator, Scorer(one.onnx, one.signature), frame, atol=1e-4)
    except MlgitopsError:
        return
    assert not parity.ok or parity.own_label_differs > 0


GOOD: dict[str, tuple[Any, list[str], Task]] = {
    "poisson boosting": (
        HistGradientBoostingRegressor(loss="poisson", max_iter=10),
        ["a", "b"],
        REGRESSION,
    ),
    "gamma boosting at the end of a pipeline": (
        make_pipeline(StandardScaler(), HistGradientBoostingRegressor(loss="gamma", max_iter=10)),
        ["a", "b"],
        REGRESSION,
    ),
    "linear discriminant": (LinearDiscriminantAnalysis(), ["a", "b"], BINARY),
    "missing indicator": (
        on(["gaps", "a"], SimpleImputer(add_indicator=True)),
        ["gaps", "a"],
        BINARY,
    ),
    "constant": (
        on(["gaps", "a"], SimpleImputer(strategy="constant", fill_value=-1.0)),
        ["gaps", "a"],
        BINARY,
    ),
    "imputed strings": (
        on(["carrier"], make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())),
        ["carrier"],
        BINARY,
    ),
    "function": (on(["b"], FunctionTransformer(np.log1p)), ["b"], BINARY),
    "logarithm of the target": (
        TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1),
        ["a", "b"],
        REGRESSION,
    ),
    "root of the target of a pipeline": (
        make_pipeline(
            StandardScaler(),
            TransformedTargetRegressor(
                make_pipeline(StandardScaler(), LinearRegression()),
                func=np.sqrt,
                inverse_func=np.square,
            ),
        ),
        ["a", "b"],
        REGRESSION,
    ),
    "partial least squares": (PLSRegression(n_components=1), ["a", "b"], REGRESSION),
    "voting by default": (VotingClassifier(_VOTERS, voting="soft"), ["a", "b"], BINARY),
    "plain words": (on("text", TfidfVectorizer(**_PLAIN)), ["text"], BINARY),
    "counted plain words": (on("text", CountVectorizer(**_PLAIN)), ["text"], BINARY),
    "letters": (on("text", TfidfVectorizer(analyzer="char")), ["text"], BINARY),
    "pairs of words": (on("text", TfidfVectorizer(ngram_range=(1, 2), **_PLAIN)), ["text"], BINARY),
    "dense bins": (
        on(["a"], KBinsDiscretizer(encode="onehot-dense", strategy="uniform")),
        ["a"],
        BINARY,
    ),
    "filled forest": (
        make_pipeline(SimpleImputer(), RandomForestClassifier(10, random_state=0)),
        ["a", "gaps"],
        BINARY,
    ),
    "voting": (
        VotingClassifier(_VOTERS, voting="soft", flatten_transform=False),
        ["a", "b"],
        BINARY,
    ),
    "three classes": (LinearDiscriminantAnalysis(), ["a", "b"], MULTICLASS),
    "identity": (on(["a", "b"], FunctionTransformer()), ["a", "b"], BINARY),
    "encoded target": (on(["carrier"], TargetEncoder()), ["carrier"], BINARY),
    "stack": (StackingClassifier(_VOTERS), ["a", "b"], BINARY),
    "calibrated": (CalibratedClassifierCV(GaussianNB(), method="sigmoid"), ["a", "b"], BINARY),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_way_out_is_one(name: str) -> None:
    estimator, columns, task = GOOD[name]
    data = rows()
    estimator.fit(data[columns], data[task])
    one = exporting.export(estimator, data[columns], task=task, row_id=None, tolerance=1e-4)
    assert check(estimator, Scorer(one.onnx, one.signature), data[columns], atol=1e-4).ok


class Halved(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of the user's own, which no converter knows."""

    def fit(self, X: Any, y: Any = None) -> Halved:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X) / 2


def test_a_transformer_of_ones_own_is_named_with_its_place() -> None:
    data = rows()
    estimator = on(["a"], make_pipeline(SimpleImputer(), Halved())).fit(data[["a"]], data[BINARY])
    with pytest.raises(Refused, match=r"step 'features.part.halved' \(Halved\)"):
        exporting.export(estimator, data[["a"]], task=BINARY, row_id=None, tolerance=1e-4)


def test_whatever_else_the_converter_runs_into_is_a_refusal_too() -> None:
    data = rows()
    inside = on(["a", "carrier"], OneHotEncoder(handle_unknown="ignore"))
    estimator = CalibratedClassifierCV(inside).fit(data[["a", "carrier"]], data[BINARY])
    with pytest.raises(Refused) as refused:
        exporting.export(estimator, data, task=BINARY, row_id=None, tolerance=1e-4)
    assert refused.value.hint is not None and "ColumnTransformer first" in refused.value.hint


def test_a_threshold_keeps_its_side_for_every_float32() -> None:
    random = np.random.default_rng(0)
    below = random.normal(size=10_000).astype(np.float32)
    above = np.nextafter(below, np.float32(np.inf))
    for thresholds in ((below.astype(np.float64) + above) / 2, below.astype(np.float64)):
        floored = floor32(thresholds)
        assert np.array_equal(floored, floored.astype(np.float32))
        for x in (below, above):
            assert np.array_equal(x <= thresholds, x <= floored.astype(np.float32))
    assert floor32(np.array([np.inf, -np.inf])).tolist() == [np.inf, -np.inf]


class Clipped(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of the user's own that says how it is converted."""

    def __init__(self, high: float = 1.0) -> None:
        self.high = high

    def fit(self, X: Any, y: Any = None) -> Clipped:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return np.minimum(np.asarray(X), np.float32(self.high))

    def onnx_shape(self, operator: Any) -> None:
        operator.outputs[0].type = type(operator.inputs[0].type)([None, self.n_features_in_])

    def onnx_convert(self, scope: Any, operator: Any, container: Any) -> None:
        high = scope.get_unique_variable_name("high")
        container.add_initializer(high, TensorProto.FLOAT, [1], [self.high])
        inputs = [operator.inputs[0].full_name, high]
        name = scope.get_unique_operator_name("Min")
        container.add_node("Min", inputs, operator.outputs[0].full_name, name=name)


@pytest.mark.parametrize("high", [0.5, 3.0])
def test_a_transformer_of_ones_own_brings_its_converter(high: float) -> None:
    data = rows()
    model = on(["a", "b"], Clipped(high)).fit(data[["a", "b"]], data[BINARY])
    one = exporting.export(model, data[["a", "b"]], task=BINARY, row_id=None, tolerance=1e-4)
    assert check(model, Scorer(one.onnx, one.signature), data[["a", "b"]], atol=1e-5).ok
