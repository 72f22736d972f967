"""Where the rows come from: a data set that scikit-learn brings along. Put your own source here."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from sklearn.datasets import load_breast_cancer


def rows(*, as_of: datetime) -> pd.DataFrame:
    """Return the rows known at ``as_of`` (UTC): sample (its id), eight measurements, malignant.

    These rows are the same at any time. A source of growing data leaves out what came later.
    """
    bunch = load_breast_cancer(as_frame=True)
    means = bunch.data.filter(like="mean ").rename(columns=lambda name: name.removeprefix("mean "))
    frame = means.drop(columns=["concave points", "fractal dimension"])
    return frame.assign(
        sample=[f"sample-{number:03d}" for number in range(len(frame))],
        malignant=(bunch.target == 0).astype("int64"),
    )
