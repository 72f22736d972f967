"""The probability that a tumour is malignant, by logistic regression."""

from __future__ import annotations

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = [
    *["radius", "texture", "perimeter", "area"],
    *["smoothness", "compactness", "concavity", "symmetry"],
]


def fit(train: pd.DataFrame, regularisation: float) -> Pipeline:
    """Return the fitted pipeline; the same rows and parameters give the same model."""
    # The columns by name, so that the exported model has one named input a column.
    columns = ColumnTransformer([("scaled", StandardScaler(), FEATURES)])
    model = Pipeline(
        [("columns", columns), ("logistic", LogisticRegression(C=regularisation, max_iter=1000))]
    )
    return model.fit(train[FEATURES], train["malignant"])
