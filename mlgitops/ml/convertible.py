"""What an estimator holds that ONNX cannot say, or that the converter says wrongly, by name.

Each entry of KNOWN was measured with skl2onnx 1.20: it either fails deep inside the converter, or
converts without a word and answers something else. The second kind would mostly be caught by
parity, but late, and only if the evaluation rows happen to reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mlgitops.core.errors import Refused
from mlgitops.ml.onnx_functions import known

if TYPE_CHECKING:
    import pandas as pd

# scikit-learn ships no types: an estimator is anything with fit and predict.
Estimator: TypeAlias = Any

_WORDS = "[a-zA-Z0-9_]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One known-bad case: estimators by class name, when it applies, why, and the way out."""

    names: tuple[str, ...]
    when: Callable[[Estimator], bool]
    why: str
    instead: str


def _always(_: Estimator) -> bool:
    return True


KNOWN: tuple[Known, ...] = (
    Known(
        names=("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
        when=lambda e: e.is_categorical_ is not None and bool(np.any(e.is_categorical_)),
        why="its categorical splits are converted to something else (22-37 % wrong labels)",
        instead="set categorical_features=None and encode them first: OneHotEncoder,"
        " OrdinalEncoder or TargetEncoder",
    ),
    Known(
        names=("HistGradientBoostingRegressor",),
        when=lambda e: e.loss in ("poisson", "gamma"),
        why="the converter leaves out the log link of its loss, so every prediction is wrong",
        instead="train with loss='squared_error', or on the logarithm of the target",
    ),
    Known(
        names=("TunedThresholdClassifierCV", "FixedThresholdClassifier"),
        when=_always,
        why="a threshold other than 0.5 is not part of the ONNX graph",
        instead="release the inner classifier; callers decide on `score`",
    ),
    Known(
        names=("LinearDiscriminantAnalysis",),
        when=lambda e: len(e.classes_) == 2,
        why="with two classes its probabilities are converted wrongly (off by up to 0.15)",
        instead="use LogisticRegression, or QuadraticDiscriminantAnalysis",
    ),
    Known(
        names=("TfidfVectorizer", "CountVectorizer"),
        when=lambda e: (
            e.analyzer == "word" and e.token_pattern not in (_WORDS, r"[a-zA-Z0-9]+", r"[a-zA-Z]+")
        ),
        why="its token pattern splits words with letters beyond ASCII in other places in ONNX",
        instead=f'set token_pattern="{_WORDS}"',
    ),
    Known(
        names=("TfidfVectorizer", "TfidfTransformer"),
        when=lambda e: bool(e.sublinear_tf),
        why="sublinear_tf is converted wrongly (62 % of rows differ)",
        instead="set sublinear_tf=False",
    ),
    Known(
        names=("TfidfVectorizer", "CountVectorizer"),
        when=lambda e: callable(e.analyzer) or e.analyzer == "char_wb" or bool(e.strip_accents),
        why="ONNX has neither char_wb, nor strip_accents, nor a function for it",
        instead="prepare the text in the features step",
    ),
    Known(
        names=("SimpleImputer",),
        when=lambda e: bool(e.add_indicator),
        why="the indicator columns are lost in ONNX",
        instead="add the indicators in the features step",
    ),
    Known(
        names=("SimpleImputer",),
        when=lambda e: e.statistics_.dtype.kind not in "fiub",
        why="ONNX strings know no null, so there is nothing to impute",
        instead='fill strings in the features step: frame["x"].fillna("missing")',
    ),
    Known(
        names=("OneHotEncoder",),
        when=lambda e: any(found is not None for found in getattr(e, "infrequent_categories_", ())),
        why="it gathers rare categories, which ONNX cannot",
        instead="gather them in the features step and drop min_frequency and max_categories",
    ),
    Known(
        names=("OneHotEncoder",),
        when=lambda e: any(_has_nan(seen) for seen in e.categories_),
        why="missing numbers are one of its categories, which ONNX cannot compare",
        instead="fill them in the features step",
    ),
    Known(
        names=("KBinsDiscretizer",),
        when=lambda e: e.encode == "onehot",
        why="its sparse output does not exist in ONNX",
        instead="set encode='onehot-dense'",
    ),
    Known(
        names=("FunctionTransformer",),
        when=lambda e: not known(e.func, e.kw_args),
        why="ONNX has no form of this Python function",
        instead="use one of numpy's (log, log1p, exp, expm1, sqrt, square, abs, …), or move it to"
        " the features step",
    ),
    Known(
        names=("TransformedTargetRegressor",),
        when=_always,
        why="ONNX has no form of the way back from the transformed target",
        instead="train on the transformed target and let the features step make it; or choose a"
        " regressor with a log link, such as PoissonRegressor",
    ),
    Known(
        names=("QuantileTransformer",),
        when=lambda e: e.output_distribution == "normal",
        why="only its uniform form can be converted",
        instead="set output_distribution='uniform', or use PowerTransformer",
    ),
    Known(
        names=("CalibratedClassifierCV",),
        when=lambda e: e.method == "temperature",
        why="temperature scaling cannot be converted",
        instead="set method='sigmoid'",
    ),
    Known(
        names=("TargetEncoder",),
        when=lambda e: e.target_type_ == "multiclass",
        why="it cannot be converted for more than two classes",
        instead="use OrdinalEncoder or OneHotEncoder",
    ),
    Known(
        names=("GradientBoostingClassifier", "GradientBoostingRegressor"),
        when=lambda e: e.init is not None and not isinstance(e.init, str),
        why="an estimator as `init` cannot be converted",
        instead="set init=None",
    ),
    Known(
        names=("IsolationForest",),
        when=lambda e: e.max_features not in (1, 1.0, e.n_features_in_),
        why="trees that see some of the columns only cannot be converted",
        instead="set max_features=1.0",
    ),
    Known(
        names=("DecisionTreeClassifier", "ExtraTreeClassifier"),
        when=lambda e: e.n_outputs_ > 1,
        why="with several labels its probabilities are converted wrongly (off by up to 0.97)",
        instead="use a forest, or MultiOutputClassifier(DecisionTreeClassifier())",
    ),
)


def refuse_known(estimator: Estimator, frame: pd.DataFrame) -> None:
    """Raise Refused, naming the step, for the first known-bad case inside ``estimator``.

    ``frame``: features as the estimator takes them, to see whether missing values reach a tree.
    """
    from skl2onnx._supported_operators import sklearn_operator_name_map

    for path, part in parts(estimator):
        kinds = {kind.__name__ for kind in type(part).__mro__}
        for case in KNOWN:
            if kinds & set(case.names) and case.when(part):
                raise Refused(f"{place(path, part)}: {case.why}", hint=case.instead)
        if type(part) not in sklearn_operator_name_map:
            raise Refused(
                f"{place(path, part)}: skl2onnx has no converter for {type(part).__module__}"
                f".{type(part).__name__}",
                hint="use a scikit-learn estimator that it converts, do this step in the features"
                " step, give a class of your own the methods onnx_shape and onnx_convert"
                " (docs/export.md), or hand over a ready-made .onnx",
            )
    _refuse_missing_in_trees(estimator, frame)


def unwrap(estimator: Estimator) -> Estimator:
    """Return the winner of a parameter search; anything else as it is."""
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    return estimator


def parts(estimator: Estimator, path: str = "") -> Iterator[tuple[str, Estimator]]:
    """Yield every fitted estimator inside, with its path of step names, outermost first.

    Containers that only hold others (pipelines, column transformers, unions) are walked through.
    """
    estimator = unwrap(estimator)
    name = type(estimator).__name__
    if isinstance(estimator, str) or estimator is None:
        return
    if name == "Pipeline":
        inner = list(estimator.steps)
    elif name == "ColumnTransformer":
        inner = [(step, part) for step, part, _ in estimator.transformers_]
    elif name == "FeatureUnion":
        inner = list(estimator.transformer_list)
    else:
        yield path, estimator
        inner = _inner(estimator)
    for step, part in inner:
        yield from parts(part, f"{path}.{step}" if path else step)


def _inner(estimator: Estimator) -> list[tuple[str, Estimator]]:
    """Return what a meta-estimator was built on; not the thousand trees of a forest."""
    if hasattr(estimator, "named_estimators_"):
        found = list(estimator.named_estimators_.items())
        final = getattr(estimator, "final_estimator_", None)
        return [*found, *([("final_estimator", final)] if final is not None else [])]
    if hasattr(estimator, "calibrated_classifiers_"):
        return [("estimator", estimator.calibrated_classifiers_[0].estimator)]
    if type(estimator).__name__.startswith(("OneVs", "MultiOutput")):
        # Each has thresholds of its own, which the export has to look at.
        return [("estimator", one) for one in estimator.estimators_]
    if type(estimator).__name__.startswith(("Bagging", "AdaBoost")):
        return [("estimator", estimator.estimators_[0])]
    if type(estimator).__name__ in ("RFE", "RFECV", "SelectFromModel", "RANSACRegressor"):
        return [("estimator", estimator.estimator_)]
    return []


_NAN_TREES = ("DecisionTree", "ExtraTree", "RandomForest")


def _refuse_missing_in_trees(estimator: Estimator, frame: pd.DataFrame) -> None:
    """Refuse a forest that sees NaN: where such a row goes is lost (3-8 % wrong labels)."""
    estimator = unwrap(estimator)
    inside: Any = frame
    path, last = "", estimator
    if type(estimator).__name__ == "Pipeline":
        path, last = estimator.steps[-1]
        if not type(last).__name__.startswith(_NAN_TREES):
            return
        if len(estimator.steps) > 1:
            inside = estimator[:-1].transform(frame)
    if not type(last).__name__.startswith(_NAN_TREES):
        return
    values = inside.data if hasattr(inside, "nnz") else inside
    if _has_nan(np.asarray(values)):
        raise Refused(
            f"{place(path, last)}: missing values reach it, and the converter does not know"
            " which way they went in training",
            hint="put a SimpleImputer before it, or use HistGradientBoosting, which takes them",
        )


def place(path: str, part: Estimator) -> str:
    """Return where ``part`` stands, as the beginning of a message."""
    name = type(part).__name__
    return f"step {path!r} ({name}) cannot be exported" if path else f"{name} cannot be exported"


def _has_nan(values: Any) -> bool:
    array = np.asarray(values)
    if array.dtype.kind == "O":
        return any(isinstance(value, float) and value != value for value in array.ravel().tolist())
    return array.dtype.kind == "f" and bool(np.isnan(array).any())
