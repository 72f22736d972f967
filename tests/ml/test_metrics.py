"""Metrics have scikit-learn's values, and say so when rows do not define them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.metrics import METRICS
from mlgitops.core.tasks import Task
from mlgitops.ml.influence import influence
from mlgitops.ml.labels import Scores, binary_labels, encode_target, multiclass_labels
from mlgitops.ml.metrics import MISSING, MOST_SLICES, OTHER, by_slice, compute, undefined
from tests.ml.models import BINARY, MULTICLASS, REGRESSION, fitted
from tests.ml.test_export import exported

# What the examples here are about; ``tests/ml/test_measures.py`` has every task and metric.
_FIRST = (
    *("mae", "rmse", "r2", "mape", "rmsle", "roc_auc", "average_precision", "brier", "precision"),
    *("recall", "f1", "log_loss", "accuracy", "balanced_accuracy", "f1_macro"),
)


def _names(task: Task) -> list[str]:
    return [name for name in _FIRST if task in METRICS[name].tasks]


def scored(name: str) -> tuple[np.ndarray, Scores, tuple[str, ...]]:
    """Return target and scores of one of the example models on its evaluation rows."""
    from mlgitops.ml.scoring import Scorer

    model = fitted(name)
    one = exported(model)
    scores = Scorer(one.onnx, one.signature).score(model.frame)
    return (
        encode_target(model.task, one.signature.classes, model.target),
        scores,
        (one.signature.classes),
    )


def test_every_metric_of_the_table_is_computed_with_scikit_learns_value() -> None:
    y, scores, _ = scored("mixed-forest")
    p, label = scores.values, binary_labels(scores.values)
    found = compute(BINARY, _names(BINARY), y, scores)
    assert found == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(y, p),
            "average_precision": sk.average_precision_score(y, p),
            "brier": sk.brier_score_loss(y, p),
            "precision": sk.precision_score(y, label),
            "recall": sk.recall_score(y, label),
            "f1": sk.f1_score(y, label),
            "log_loss": sk.log_loss(y, p),
            "accuracy": sk.accuracy_score(y, label),
            "balanced_accuracy": sk.balanced_accuracy_score(y, label),
            "f1_macro": sk.f1_score(y, label, average="macro"),
        },
        abs=1e-12,
    )
    y, scores, _ = scored("wine-forest")
    label = multiclass_labels(scores.values)
    found = compute(MULTICLASS, _names(MULTICLASS), y, scores)
    assert set(found) == set(_names(MULTICLASS))
    assert found["f1_macro"] == pytest.approx(sk.f1_score(y, label, average="macro"), abs=1e-12)
    y, scores, _ = scored("diabetes-boosting")
    found = compute(REGRESSION, _names(REGRESSION), y, scores)
    assert found == pytest.approx(
        {
            "mae": sk.mean_absolute_error(y, scores.values),
            "rmse": sk.root_mean_squared_error(y, scores.values),
            "r2": sk.r2_score(y, scores.values),
            "mape": sk.mean_absolute_percentage_error(y, scores.values),
            "rmsle": sk.root_mean_squared_log_error(y, scores.values),
        },
        rel=1e-14,
    )
    assert set(found) == set(_names(REGRESSION))


_PROBABILITY = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.75, 0.9, 1.0])
_ROWS = st.integers(2, 25)


@st.composite
def _binary(draw: st.DrawFn) -> tuple[np.ndarray, Scores]:
    n = draw(_ROWS)
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    p = draw(st.lists(_PROBABILITY, min_size=n, max_size=n))
    return np.array(y, dtype=float), Scores(task=BINARY, values=np.array(p))


@st.composite
def _multiclass(draw: st.DrawFn) -> tuple[np.ndarray, Scores]:
    n = draw(_ROWS)
    y = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    row = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)
    p = np.array(draw(st.lists(row, min_size=n, max_size=n)), dtype=float)
    return np.array(y, dtype=float), Scores(
        task=MULTICLASS, values=p / p.sum(axis=1, keepdims=True)
    )


@st.composite
def _regression(draw: st.DrawFn) -> tuple[np.ndarray, Scores]:
    n = draw(_ROWS)
    number = st.integers(-3, 9).map(float)
    y = draw(st.lists(number, min_size=n, max_size=n))
    p = draw(st.lists(number, min_size=n, max_size=n))
    return np.array(y), Scores(task=REGRESSION, values=np.array(p))


@settings(max_examples=200, deadline=None)
@given(case=_binary() | _multiclass() | _regression())
def test_a_metric_is_a_finite_number_or_undefined_with_a_reason(
    case: tuple[np.ndarray, Scores],
) -> None:
    y, scores = case
    for name in _names(scores.task):
        reason = undefined(name, y, scores)
        if reason is not None:
            with pytest.raises(MlgitopsError, match="is undefined"):
                compute(scores.task, [name], y, scores)
            continue
        value = compute(scores.task, [name], y, scores)[name]
        assert METRICS[name].low <= value <= METRICS[name].high
        # Intervals are built on influence values: they must be about the same number.
        found = influence(name, y, scores)
        assert found.value == pytest.approx(value, abs=1e-9)
        assert found.psi.mean() == pytest.approx(0.0, abs=1e-6 * max(1.0, abs(value)))


def _weighted(name: str, y: np.ndarray, scores: Scores) -> Callable[[np.ndarray], float]:
    label: Any = scores.labels()
    p = scores.values
    table: dict[str, Callable[[np.ndarray], float]] = {
        "mae": lambda w: sk.mean_absolute_error(y, p, sample_weight=w),
        "mape": lambda w: sk.mean_absolute_percentage_error(y, p, sample_weight=w),
        "rmse": lambda w: sk.root_mean_squared_error(y, p, sample_weight=w),
        "rmsle": lambda w: sk.root_mean_squared_log_error(y, p, sample_weight=w),
        "r2": lambda w: sk.r2_score(y, p, sample_weight=w),
        "roc_auc": lambda w: sk.roc_auc_score(y, p, sample_weight=w),
        "average_precision": lambda w: sk.average_precision_score(y, p, sample_weight=w),
        "brier": lambda w: (
            sk.brier_score_loss(y, p, sample_weight=w)
            # Half of the sum over classes, so that it lies between 0 and 1 as that of two does.
            / (p.ndim if p.ndim == 2 else 1)
        ),
        "log_loss": lambda w: sk.log_loss(
            y, p if p.ndim == 1 else p / p.sum(axis=1, keepdims=True), sample_weight=w
        ),
        "accuracy": lambda w: sk.accuracy_score(y, label, sample_weight=w),
        "balanced_accuracy": lambda w: sk.balanced_accuracy_score(y, label, sample_weight=w),
        "precision": lambda w: sk.precision_score(y, label, sample_weight=w),
        "recall": lambda w: sk.recall_score(y, label, sample_weight=w),
        "f1": lambda w: sk.f1_score(y, label, sample_weight=w),
        "f1_macro": lambda w: sk.f1_score(y, label, average="macro", sample_weight=w),
    }
    return table[name]


@pytest.mark.parametrize("example", ["mixed-forest", "wine-forest", "diabetes-boosting"])
def test_influence_is_what_more_weight_on_a_row_does(example: str) -> None:
    # scikit-learn's own sample weights are the oracle; mixed-forest has many tied probabilities.
    y, scores, _ = scored(example)
    if example == "wine-forest":
        # A clear-cut forest is right on every row: nothing would move.
        scores = Scores(task=scores.task, values=scores.values[:, [1, 0, 2]])
    n, step = len(y), 1e-5
    for name in _names(scores.task):
        metric = _weighted(name, y, scores)
        found = influence(name, y, scores).psi
        if name == "roc_auc":
            m, k = int((y == 1).sum()), int((y == 0).sum())
            found = found / np.where(y == 1, np.sqrt(m / (m - 1)), np.sqrt(k / (k - 1)))
        for row in range(0, n, 7):
            up, down = np.ones(n), np.ones(n)
            up[row] += step
            down[row] -= step
            slope = (metric(up) - metric(down)) / (2 * step) * n
            assert found[row] == pytest.approx(slope, abs=1e-5 * max(1.0, abs(slope))), name


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    y, scores, _ = scored("mixed-forest")
    with pytest.raises(MlgitopsError, match="no metric 'roc_auk'") as error:
        compute(BINARY, ["roc_auk"], y, scores)
    assert error.value.hint == "did you mean 'roc_auc'?"
    with pytest.raises(MlgitopsError, match="mae is no metric for binary") as error:
        compute(BINARY, ["mae"], y, scores)
    assert error.value.hint is not None and "brier" in error.value.hint


def test_a_slice_of_one_class_has_no_auc_and_says_why() -> None:
    y = np.array([0.0, 1, 0, 1, 1, 1])
    scores = Scores(task=BINARY, values=np.array([0.2, 0.9, 0.6, 0.7, 0.4, 0.8]))
    column = np.array(["JFK", "JFK", "JFK", None, "LGA", "LGA"], dtype=object)
    found = by_slice(BINARY, ["roc_auc", "log_loss", "accuracy"], y, scores, column)
    assert [(one.value, one.rows) for one in found] == [(MISSING, 1), ("JFK", 3), ("LGA", 2)]
    lga = found[2]
    assert lga.metrics["roc_auc"] is None
    assert lga.reasons == {"roc_auc": "all rows are of one class"}
    assert lga.metrics["accuracy"] == 0.5
    assert lga.metrics["log_loss"] == pytest.approx(-np.log([0.4, 0.8]).mean())
    assert found[1].metrics["roc_auc"] == 1.0


def test_many_slices_become_the_largest_and_the_rest() -> None:
    random = np.random.default_rng(0)
    y = random.random(3000)
    scores = Scores(task=REGRESSION, values=random.random(3000))
    tails = np.concatenate([np.repeat(np.arange(200), 10), np.full(1000, 7)])
    found = by_slice(REGRESSION, ["mae"], y, scores, tails)
    assert len(found) == MOST_SLICES + 1
    assert sum(one.rows for one in found) == 3000
    assert {one.value: one.rows for one in found}["7"] == 1010
    assert {one.value: one.rows for one in found}[OTHER] == 1500
    shuffle = random.permutation(3000)
    again = by_slice(REGRESSION, ["mae"], y[shuffle], scores.take(shuffle), tails[shuffle])
    assert [(one.value, one.rows) for one in again] == [(one.value, one.rows) for one in found]


def test_labels_follow_the_one_rule() -> None:
    assert binary_labels(np.array([0.5, 0.499996, 0.499994, 0.0, 1.0])).tolist() == [1, 1, 0, 0, 1]
    ties = np.array([[0.4, 0.4000001, 0.2], [0.2, 0.4, 0.4]], dtype=np.float32)
    assert multiclass_labels(ties).tolist() == [0, 1]
    with pytest.raises(MlgitopsError, match="NaN for row 1"):
        binary_labels(np.array([0.1, np.nan]))


@pytest.mark.parametrize(
    ("classes", "values", "codes"),
    [
        (("False", "True"), np.array([True, False]), [1, 0]),
        (("0", "1"), np.array([1.0, 0.0]), [1, 0]),
        (("0", "1", "2"), [2, 0, 1], [2, 0, 1]),
        (("late", "on time"), np.array(["on time", "late"], dtype=object), [1, 0]),
    ],
)
def test_targets_become_the_index_of_their_class(
    classes: tuple[str, ...], values: Any, codes: list[int]
) -> None:
    task = BINARY if len(classes) == 2 else MULTICLASS
    assert encode_target(task, classes, values).tolist() == codes


def test_targets_that_are_none_are_refused_by_value() -> None:
    with pytest.raises(MlgitopsError, match="holds 'never', which is none of the classes"):
        encode_target(BINARY, ("late", "on time"), ["late", "never"])
    with pytest.raises(MlgitopsError, match="holds nan"):
        encode_target(BINARY, ("0", "1"), np.array([1.0, np.nan]))
    with pytest.raises(MlgitopsError, match="is nan in row 1"):
        encode_target(REGRESSION, (), [1.0, None])
    with pytest.raises(MlgitopsError, match="not numeric"):
        encode_target(REGRESSION, (), ["many"])
