"""The probability of a late arrival by gradient boosting."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

CATEGORIES = ["carrier", "origin", "dest", "manufacturer", "engine"]
NUMBERS = [
    *["departure", "arrival", "weekday", "distance", "traffic", "plane_age", "seats"],
    *["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"],
]


def fit(train: pd.DataFrame, max_iter: int, learning_rate: float, seed: int) -> Pipeline:
    """Return the fitted pipeline; the same rows and parameters give the same model."""
    # A category never seen in training becomes -1. Marking these columns as categorical_features
    # of the boosting would be better style, but skl2onnx converts that wrongly (sklearn-onnx#1051).
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    columns = ColumnTransformer(
        [
            ("categories", encoder, CATEGORIES),
            ("numbers", SimpleImputer(strategy="median"), NUMBERS),
        ]
    )
    boosting = HistGradientBoostingClassifier(
        max_iter=max_iter,
        learning_rate=learning_rate,
        early_stopping=False,  # it would hold out rows by chance, and the number of trees with them
        random_state=seed,
    )
    model = Pipeline([("columns", columns), ("boosting", boosting)])
    # Two threads are slower than one on so few rows, and 15 times slower on a machine in use.
    with threadpool_limits(limits=1):
        return model.fit(train[CATEGORIES + NUMBERS], train["late"])
