"""Golden rows: the proof that this runtime answers as the one that the release was made with.

Two releases of onnxruntime (1.26, 1.27) give 46 % wrong labels on a correct forest, without any
error; parity at export says nothing about the runtime in the serving image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from mlgitops.core.errors import Refused
from mlgitops.core.signatures import Signature
from mlgitops.server.columns import Column, Columns, column

# Two builds of a runtime may add up a forest in another order, which costs some float32 ulps of the
# value; the signature's tolerance is absolute and too tight for predictions of a hundred thousand.
_SUMMATION = 1e-5

_Value: TypeAlias = int | float | str | list[float]


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """Rows and the answers that they got at release: ``golden.json`` (null = missing)."""

    inputs: dict[str, list[float | str | None]]
    outputs: dict[str, list[_Value]]


def difference(
    golden: Golden, signature: Signature, infer: Callable[[Columns], Columns]
) -> str | None:
    """Return how ``infer`` answers otherwise than the release did; None: it does not.

    Labels must be equal, numbers within the signature's tolerance. A release without golden rows,
    or with rows that do not fit its signature, proves nothing and differs too.
    """
    if set(golden.inputs) != {field.name for field in signature.inputs}:
        return "the golden rows have other columns than the signature"
    if set(golden.outputs) != set(signature.outputs()):
        return "the golden rows have other outputs than the signature"
    rows = {len(values) for values in golden.inputs.values()}
    rows |= {len(values) for values in golden.outputs.values()}
    if len(rows) != 1 or rows == {0}:
        return "the release carries no whole golden rows, so nothing proves this runtime"
    try:
        columns = {
            field.name: column(field, golden.inputs[field.name]) for field in signature.inputs
        }
        outputs = infer(columns)
        for name, found in outputs.items():
            told = _first(name, found, golden.outputs[name], signature.tolerance)
            if told is not None:
                return told
    except Refused as error:
        return f"the golden rows cannot be answered: {error.message}"
    except (IndexError, TypeError, ValueError) as error:
        return f"the golden rows do not fit the model: {error}"
    return None


def _first(name: str, found: Column, values: Sequence[_Value], tolerance: float) -> str | None:
    if found.dtype == np.float32:
        expected = np.array(values, dtype=np.float64)
        same = np.isclose(found, expected, rtol=_SUMMATION, atol=tolerance)
        wrong = np.flatnonzero(~same.reshape(len(values), -1).all(axis=1))
    else:
        wrong = np.flatnonzero(
            found != np.array([str(value) for value in values], dtype=np.object_)
        )
    if not wrong.size:
        return None
    row = int(wrong[0])
    return (
        f"{name} differs from the release in {wrong.size} of {len(values)} golden rows; "
        f"in row {row} it is {found[row]} here and was {values[row]} (tolerance {tolerance:g})"
    )
