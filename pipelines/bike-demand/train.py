"""Demand an hour by gradient boosting."""

from __future__ import annotations

import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

FEATURES = ["hour", "weekday", "holiday", "tmin", "tmax", "rain", "recent_demand"]


def fit(train: pd.DataFrame, max_iter: int, learning_rate: float, seed: int) -> Pipeline:
    """Return the fitted pipeline; the same rows and parameters give the same model."""
    boosting = HistGradientBoostingRegressor(
        max_iter=max_iter,
        learning_rate=learning_rate,
        early_stopping=False,  # it would hold out rows by chance, and the number of trees with them
        random_state=seed,
    )
    model = Pipeline([("boosting", boosting)])
    # Two threads are slower than one on so few rows, and 15 times slower on a machine in use.
    with threadpool_limits(limits=1):
        return model.fit(train[FEATURES], train["count"])
