"""A frame's columns as a model takes them: float32 numbers (NaN: missing) and strings (never null).

Raises Refused, naming the column, for what has no place in a signature: dates, mixed types, null
strings, infinity. Series and frames are pandas.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mlgitops.core.errors import Refused
from mlgitops.core.signatures import Field, Kind

if TYPE_CHECKING:
    import pandas as pd

Numbers: TypeAlias = npt.NDArray[np.float32]
Strings: TypeAlias = npt.NDArray[np.object_]

# More distinct strings than this are identifiers rather than categories; a signature that listed
# them would be larger than many models.
MOST_CATEGORIES = 1000

_NUMBERS = {"boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty"}


def kind_of(series: pd.Series[Any]) -> Kind:
    """Return whether a column holds numbers or strings; Refused when neither."""
    from pandas.api import types

    values = series.cat.categories if hasattr(series, "cat") else series
    inferred = types.infer_dtype(values, skipna=True)
    if inferred == "string":
        return "string"
    if inferred in _NUMBERS:
        return "number"
    raise Refused(
        f"column {series.name!r} holds {inferred} values ({series.dtype}): a model takes numbers"
        " and strings",
        hint="make numbers or strings of it in the features step, or leave it out",
    )


def numbers(series: pd.Series[Any]) -> Numbers:
    """Return a column as float32, shape (n,), NaN where missing.

    Refused for infinity, also for what only float32 calls infinite (beyond 3.4e38).
    """
    values = series.astype(series.cat.categories.dtype) if hasattr(series, "cat") else series
    with np.errstate(over="ignore"):
        result = values.to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float32)
    if np.isinf(result).any():
        row = int(np.flatnonzero(np.isinf(result))[0])
        raise Refused(
            f"column {series.name!r} holds {series.iloc[row]!r} in row {row}, which float32"
            " cannot hold",
            hint="clip or drop such values in the features step",
        )
    return result


def strings(series: pd.Series[Any]) -> Strings:
    """Return a column as an object array of str, shape (n,); Refused when one is missing."""
    missing = series.isna().to_numpy()
    if missing.any():
        raise Refused(
            f"column {series.name!r} has no value in {int(missing.sum())} of {len(series)} rows"
            f" (the first: row {int(np.flatnonzero(missing)[0])}), and ONNX strings know no null",
            hint=f'fill it in the features step: frame["{series.name}"].fillna("missing")',
        )
    return series.astype(object).to_numpy()


def column(frame: pd.DataFrame, field: Field) -> Numbers | Strings:
    """Return the column of ``frame`` that ``field`` describes, as the model takes it.

    Raises Refused when it is not there, of another kind, or has a missing value that the model
    never saw: scikit-learn would fail on it, ONNX would answer something.
    """
    if field.name not in frame.columns:
        near = difflib.get_close_matches(field.name, [str(name) for name in frame.columns], 1)
        raise Refused(
            f"there is no column {field.name!r}, which the model takes",
            hint=f"did you mean {near[0]!r}?" if near else "give it all the model's inputs",
        )
    series = frame[field.name]
    # A column without any value, as in an empty window, is of every kind.
    if series.notna().any() and kind_of(series) != field.kind:
        raise Refused(
            f"column {field.name!r} holds {kind_of(series)}s where the model takes {field.kind}s",
            hint="give it what the model was trained on",
        )
    if field.kind == "string":
        return strings(series)
    values = numbers(series)
    if not field.nullable and np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise Refused(
            f"column {field.name!r} is missing in row {row}, and the model was released without"
            " a missing value in it",
            hint="fill it in the features step, or release on data where it is missing",
        )
    return values


def fields_of(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Field, ...]:
    """Return one field per name, with the range or the strings that ``frame`` holds.

    ``nullable`` where a number is missing somewhere in ``frame``.
    """
    return tuple(_field(frame[name]) for name in names)


def coarse(frame: pd.DataFrame, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of whole numbers that float32 rounds: beyond 2^24 in magnitude."""
    found = []
    for name in names:
        if kind_of(frame[name]) != "number":
            continue
        exact = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        rounded = exact.astype(np.float32).astype(np.float64)
        whole = exact == np.floor(exact)
        if bool((whole & (np.abs(exact) > 2.0**24) & (exact != rounded)).any()):
            found.append(name)
    return tuple(found)


def _field(series: pd.Series[Any]) -> Field:
    name = str(series.name)
    if kind_of(series) == "string":
        seen = tuple(sorted(set(strings(series).tolist())))
        return Field(
            name=name, kind="string", categories=seen if len(seen) <= MOST_CATEGORIES else None
        )
    values = numbers(series)
    known = values[~np.isnan(values)]
    return Field(
        name=name,
        kind="number",
        nullable=len(known) < len(values),
        low=float(known.min()) if len(known) else None,
        high=float(known.max()) if len(known) else None,
    )
