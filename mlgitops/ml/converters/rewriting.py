"""Estimators in the place of others that answer the same and that can be converted.

A copy is changed, and what the model answers is still held against the estimator itself.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlgitops.ml.convertible import unwrap
from mlgitops.ml.onnx_functions import STEPS, known
from mlgitops.ml.onnx_graphs import Step


def unfolded(estimator: Any) -> tuple[Any, tuple[Step, ...]]:
    """Return what is to be converted, and the steps from its answer to that of ``estimator``.

    Those of a transformed target, and of the losses whose link the converter leaves out.
    """
    last = estimator.steps[-1][1] if type(estimator).__name__ == "Pipeline" else estimator
    last, after = _unfolded(unwrap(last))
    if after and type(estimator).__name__ == "Pipeline":
        estimator.steps[-1] = (estimator.steps[-1][0], last)
        return estimator, after
    return (last, after) if after else (estimator, ())


def _unfolded(last: Any) -> tuple[Any, tuple[Step, ...]]:
    kind = type(last).__name__
    if kind == "HistGradientBoostingRegressor" and last.loss in ("poisson", "gamma"):
        last.loss = "squared_error"
        return last, STEPS[np.exp]
    if kind == "TransformedTargetRegressor" and last.transformer is None:
        back = last.inverse_func
        if back is not None and known(back, None):
            return unwrap(rewritten(last.regressor_)), STEPS[back]
    return last, ()


PASSED: Final = "passthrough"
"""What scikit-learn calls a step that changes nothing."""


def rewritten(estimator: Any) -> Any:
    """Return a copy of ``estimator`` with every part replaced that another one can stand for."""
    estimator = unwrap(estimator)
    kind = type(estimator).__name__
    if kind == "Pipeline":
        steps = [(name, rewritten(part)) for name, part in estimator.steps]
        kept = [(name, part) for name, part in steps if part is not PASSED]
        if not kept:
            return PASSED
        estimator.steps = kept
    elif kind == "ColumnTransformer":
        estimator.transformers_ = [
            (name, rewritten(part), columns) for name, part, columns in estimator.transformers_
        ]
    elif kind == "FeatureUnion":
        estimator.transformer_list = [
            (name, rewritten(part)) for name, part in estimator.transformer_list
        ]
    elif kind in _INSTEAD:
        return _INSTEAD[kind](estimator)
    return estimator


def _discriminant(part: Any) -> Any:
    """With two classes its probability is the sigmoid of its decision, as in a logistic one."""
    from sklearn.linear_model import LogisticRegression

    if len(part.classes_) != 2:
        return part
    made = LogisticRegression()
    made.classes_, made.n_features_in_ = part.classes_, part.n_features_in_
    made.coef_, made.intercept_ = part.coef_, part.intercept_
    made.n_iter_ = np.array([1])
    return made


def _partial_squares(part: Any) -> Any:
    """Its answer is linear in the centred columns."""
    if np.ndim(part.intercept_) and len(part.intercept_) > 1:
        return part
    return _linear(part, part.coef_.reshape(-1), part.intercept_ - part.coef_ @ part._x_mean)


def _kernel_ridge(part: Any) -> Any:
    """With the linear kernel, which is the default, it is linear in the columns."""
    if part.kernel != "linear" or part.dual_coef_.ndim != 1:
        return part
    return _linear(part, part.dual_coef_ @ part.X_fit_, np.zeros(1))


def _linear(part: Any, coef: Any, intercept: Any) -> Any:
    from sklearn.linear_model import LinearRegression

    made = LinearRegression()
    made.n_features_in_ = part.n_features_in_
    made.coef_ = np.asarray(coef, dtype=np.float64)
    made.intercept_ = float(np.asarray(intercept).reshape(-1)[0])
    return made


def _imputer(part: Any) -> Any:
    """Strings are never missing at a model's door; which numbers were, is a column of its own."""
    if part._fit_dtype.kind not in "fiub":
        return PASSED if _is_nan(part.missing_values) or part.missing_values is None else part
    part.statistics_ = np.asarray(part.statistics_, dtype=np.float64)
    if not part.add_indicator or not _is_nan(part.missing_values):
        return part
    from sklearn.pipeline import FeatureUnion

    indicator, part.add_indicator = part.indicator_, False
    return FeatureUnion([("values", part), ("missing", indicator)])


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _voting(part: Any) -> Any:
    """How its transform is laid out does not touch its probabilities."""
    part.flatten_transform = False
    return part


_INSTEAD = {
    "LinearDiscriminantAnalysis": _discriminant,
    "PLSRegression": _partial_squares,
    "KernelRidge": _kernel_ridge,
    "SimpleImputer": _imputer,
    "VotingClassifier": _voting,
}
