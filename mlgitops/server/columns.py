"""The shape in which rows reach a model: one array a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlgitops.core.signatures import Field

Column: TypeAlias = NDArray[np.float32] | NDArray[np.object_]
"""Numbers as float32 (NaN = missing) or strings as objects; [n], probabilities [n, k]."""

Columns: TypeAlias = Mapping[str, Column]


def column(field: Field, values: Sequence[float | str | None]) -> Column:
    """Return ``values`` (None = missing) as the column that the model of ``field`` takes."""
    if field.kind == "number":
        return np.array(values, dtype=np.float32)
    return np.array(values, dtype=np.object_)
