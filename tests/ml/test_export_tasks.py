"""Estimators of every task: exported with the whole proof, or refused with the way out."""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.cluster import DBSCAN, KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDOneClassSVM
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from mlgitops.core.errors import Refused
from mlgitops.core.tasks import ANSWERS, Task
from mlgitops.ml import beside, parity
from mlgitops.ml.export import export
from mlgitops.ml.scoring import Scorer

_COLUMNS = list("abcdef")
_LABELS = ("sport", "music", "food")
_ROWS = 400
# A solver that is cut short converts as well as one that is not.
MLP = MLPClassifier((8,), max_iter=400, tol=1e-2, random_state=0)
TREES = {"n_estimators": 15, "random_state": 0}

CONVERTED: tuple[tuple[Task, Any], ...] = (
    ("multilabel-classification", MultiOutputClassifier(LogisticRegression())),
    (
        "multilabel-classification",
        MultiOutputClassifier(HistGradientBoostingClassifier(max_iter=10, random_state=0)),
    ),
    (
        "multilabel-classification",
        MultiOutputClassifier(lightgbm.LGBMClassifier(n_estimators=10, verbose=-1)),
    ),
    ("multilabel-classification", MultiOutputClassifier(xgboost.XGBClassifier(n_estimators=10))),
    ("multilabel-classification", OneVsRestClassifier(LogisticRegression())),
    ("multilabel-classification", RandomForestClassifier(**TREES)),
    ("multilabel-classification", ExtraTreesClassifier(**TREES)),
    ("multilabel-classification", KNeighborsClassifier()),
    ("multilabel-classification", MLP),
    ("anomaly-detection", IsolationForest(**TREES)),
    ("anomaly-detection", OneClassSVM(nu=0.1)),
    ("anomaly-detection", LocalOutlierFactor(novelty=True)),
    ("anomaly-detection", SGDOneClassSVM(random_state=0)),
    ("clustering", KMeans(4, n_init=2, random_state=0)),
    ("clustering", MiniBatchKMeans(4, n_init=2, random_state=0)),
    ("clustering", GaussianMixture(3, random_state=0)),
    ("ranking", HistGradientBoostingRegressor(max_iter=10, random_state=0)),
    ("ranking", LogisticRegression()),
    ("ranking", lightgbm.LGBMRanker(n_estimators=10, verbose=-1)),
    ("ranking", xgboost.XGBRanker(n_estimators=10)),
    ("forecasting", HistGradientBoostingRegressor(max_iter=10, random_state=0)),
)
REFUSED: tuple[tuple[Task, Any, str], ...] = (
    ("multilabel-classification", DecisionTreeClassifier(max_depth=5), "several labels"),
    ("multilabel-classification", ClassifierChain(LogisticRegression()), "no converter"),
    ("multilabel-classification", RidgeClassifier(), "no predict_proba"),
    ("anomaly-detection", IsolationForest(max_features=0.5, **TREES), "some of the columns"),
    ("anomaly-detection", LocalOutlierFactor(novelty=False), "finds no anomalies"),
    ("anomaly-detection", EllipticEnvelope(support_fraction=1.0), "no converter"),
    ("anomaly-detection", LogisticRegression(), "finds no anomalies"),
    ("clustering", DBSCAN(), "puts no new row into a cluster"),
    ("clustering", LogisticRegression(), "puts no new row into a cluster"),
    ("ranking", KMeans(3, n_init=1), ""),
    ("binary-classification", MultiOutputClassifier(LogisticRegression()), "several targets"),
    ("multilabel-classification", LogisticRegression(), "predicts one label a row"),
)


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    numbers, labels = make_multilabel_classification(_ROWS, 6, n_classes=3, random_state=0)
    noisy = (numbers + random.normal(size=numbers.shape)).astype("float32")
    frame = pd.DataFrame(noisy, columns=_COLUMNS)
    return frame.assign(word=random.choice(["x", "y", "z"], _ROWS)), labels


def fitted(estimator: Any, task: Task, rows: tuple[pd.DataFrame, np.ndarray]) -> Pipeline:
    frame, labels = rows
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = [("numbers", StandardScaler(), _COLUMNS), ("word", encoder, ["word"])]
    made = make_pipeline(ColumnTransformer(columns), estimator)
    grade = np.clip(frame["a"] // 4, 0, 3).astype(int)
    if isinstance(estimator, lightgbm.LGBMRanker | xgboost.XGBRanker):
        name = f"{made.steps[-1][0]}__group"
        return made.fit(frame, grade, **{name: [20] * (_ROWS // 20)})
    if isinstance(estimator, LogisticRegression):
        return made.fit(frame, labels[:, 0])
    if task in ("clustering", "anomaly-detection"):
        return made.fit(frame)
    wide = task == "multilabel-classification" or isinstance(estimator, MultiOutputClassifier)
    return made.fit(frame, labels if wide else grade)


def named(task: Task) -> tuple[str, ...]:
    return ("fine", "odd") if task == "anomaly-detection" else _LABELS


@pytest.mark.parametrize(
    ("task", "estimator"), CONVERTED, ids=lambda one: one if isinstance(one, str) else str(one)[:60]
)
def test_the_onnx_answers_what_the_estimator_answers(task, estimator, rows) -> None:
    made, frame = fitted(estimator, task, rows), rows[0]
    exported = export(made, frame, task=task, row_id=None, tolerance=1e-4, named=named(task))
    scorer = Scorer(exported.onnx, exported.signature)
    found = parity.check(made, scorer, frame, atol=1e-4)
    assert found.ok, found.worst
    truth = parity.estimate(made, frame, task)
    answer = ANSWERS[task]
    assert truth.values.shape == (_ROWS, *([len(exported.signature.classes)] * answer.wide))
    assert len(np.unique(truth.values)) >= 2
    allowed = beside.tolerance(frame, scorer.signature, truth, atol=1e-4, rtol=0, rows=0)
    ask = parity.asker(made, task)
    odd = beside.check(frame, scorer, ask, exported.onnx, allowed)
    assert odd.ok, odd.worst
    again = export(made, frame, task=task, row_id=None, tolerance=1e-4, named=named(task))
    assert again.onnx == exported.onnx


@pytest.mark.parametrize(("task", "estimator", "why"), REFUSED, ids=lambda one: str(one)[:60])
def test_what_does_something_else_or_cannot_be_converted_is_refused(
    task, estimator, why, rows
) -> None:
    made = fitted(estimator, task, rows)
    with pytest.raises(Refused) as refused:
        exported = export(made, rows[0], task=task, row_id=None, tolerance=1e-4, named=named(task))
        # KMeans has a `predict`: its numbers are codes, which no graph gives as floats.
        scorer = Scorer(exported.onnx, exported.signature)
        if not parity.check(made, scorer, rows[0], atol=1e-4).ok:
            raise Refused("answers otherwise")
    assert why in refused.value.message
    assert refused.value.hint or why == ""


def test_an_anomaly_is_what_scikit_learn_calls_one(rows) -> None:
    made = fitted(IsolationForest(contamination=0.1, **TREES), "anomaly-detection", rows)
    odd = parity.estimate(made, rows[0], "anomaly-detection").labels()
    assert odd is not None and odd.sum() == (made.predict(rows[0]) == -1).sum() > 10


def test_a_cluster_is_the_one_that_scikit_learn_chooses(rows) -> None:
    for estimator in (KMeans(4, n_init=2, random_state=0), GaussianMixture(3, random_state=0)):
        made = fitted(estimator, "clustering", rows)
        found = parity.estimate(made, rows[0], "clustering").labels()
        assert (found == made.predict(rows[0])).all()


def test_the_bytes_do_not_depend_on_what_was_exported_before(rows) -> None:
    """skl2onnx counts the bodies of its loops through a process: 9 and 10 sort the other way."""
    made = fitted(KNeighborsClassifier(), "multilabel-classification", rows)
    options: dict[str, Any] = {"row_id": None, "tolerance": 1e-4, "named": _LABELS}
    found = {
        export(made, rows[0], task="multilabel-classification", **options).onnx for _ in range(12)
    }
    assert len(found) == 1


def test_an_anomaly_and_a_usual_row_have_a_name_each(rows) -> None:
    made = fitted(OneClassSVM(), "anomaly-detection", rows)
    with pytest.raises(Refused, match=r"two classes, and these are \['a'\]"):
        export(made, rows[0], task="anomaly-detection", row_id=None, tolerance=1e-4, named=("a",))
