"""Rows that belong together: hours of a day, visits of a customer, frames of a film.

They are wrong together, so that a thousand of them say less than a thousand others. The influence
values are added up within each cluster, and the clusters are what varies (Liang and Zeger, 1986);
a metric keeps its value, its interval gets the width that it has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlgitops.core.errors import MlgitopsError
from mlgitops.ml.labels import Codes, Floats


def codes_of(values: Any) -> Codes:
    """Return the number of each row's cluster, 0 to k - 1, shape (n,); missing is a cluster."""
    import pandas as pd

    codes, _ = pd.factorize(np.asarray(values), use_na_sentinel=False)
    return np.asarray(codes, dtype=np.int64)


def gathered(psi: Floats, clusters: Codes | None) -> Floats:
    """Return one value a cluster, shape (k,), whose mean varies as that of ``psi`` does.

    ``clusters``: any whole numbers, shape (n,); None: every row is one by itself.
    """
    if clusters is None:
        return psi
    _, codes = np.unique(clusters, return_inverse=True)
    sums = np.bincount(codes, weights=psi)
    return np.asarray(sums * (len(sums) / len(psi)), dtype=np.float64)


def coarser(one: Codes | None, other: Codes | None) -> Codes | None:
    """Return those of two clusterings that hold the clusters of the other ones whole.

    Raises MlgitopsError when each cuts a cluster of the other.
    """
    if one is None or other is None:
        return one if other is None else other
    both = len(np.unique(np.stack([one, other], axis=1), axis=0))
    for coarse, fine in ((one, other), (other, one)):
        if len(np.unique(fine)) == both:
            return coarse
    raise MlgitopsError(
        "a metric takes rows together that lie in different clusters",
        hint="choose for evaluation.cluster a column that has one value in each group",
    )


def count(clusters: Codes | None, rows: int) -> int:
    """Return how many there are."""
    return rows if clusters is None else len(np.unique(clusters))
