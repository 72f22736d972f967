"""One tensor of a request, checked against one field of the signature and made a column.

Everything that is wrong is told with the field, the row, what was expected and what came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec
import numpy as np

from mlgitops.core.signatures import Field
from mlgitops.server.columns import Column

_FLOAT32_MAX = float(np.finfo(np.float32).max)


class BadRequest(Exception):
    """The request cannot be answered. ``field``: the input of the signature that is to blame."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Tensor(msgspec.Struct, forbid_unknown_fields=True):
    """A ``request_input`` of the protocol; ``data`` is absent when bytes come behind the JSON."""

    name: str
    datatype: str
    shape: list[int]
    data: Any = None
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numeric:
    """A numeric datatype of the protocol: its little-endian form, and what may be written as it."""

    dtype: np.dtype[Any]
    kinds: frozenset[type]
    low: float
    high: float
    asks: str


def _floating(code: str, high: float) -> _Numeric:
    asks = f"a finite number up to ±{high:.4g}"
    kinds = frozenset({int, float})
    return _Numeric(dtype=np.dtype(code), kinds=kinds, low=-high, high=high, asks=asks)


def _whole(code: str) -> _Numeric:
    dtype = np.dtype(code)
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    asks = f"a whole number from {low} to {high}"
    return _Numeric(dtype=dtype, kinds=frozenset({int}), low=low, high=high, asks=asks)


_WHOLE = {
    f"{kind}{8 * size}": _whole(f"<{kind[0].lower()}{size}")
    for kind in ("INT", "UINT")
    for size in (1, 2, 4, 8)
}
_NUMERIC = {
    "FP16": _floating("<f2", float(np.finfo(np.float16).max)),
    "FP32": _floating("<f4", _FLOAT32_MAX),
    "FP64": _floating("<f8", _FLOAT32_MAX),  # the model computes in float32
    **_WHOLE,
}


def rows(tensor: Tensor) -> int:
    """Return the number of rows that the shape [n] or [n, 1] declares."""
    shape = tensor.shape
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1) or shape[0] < 0:
        _refuse(tensor.name, f"expected shape [n] or [n, 1], got {told(shape)}")
    if shape[0] == 0:
        _refuse(tensor.name, f"expected at least one row, got shape {shape}")
    return shape[0]


def column(field: Field, tensor: Tensor, binary: memoryview | None) -> Column:
    """Return the checked values of ``tensor`` as a column [n]; raise BadRequest.

    ``binary``: the tensor's bytes behind the JSON, when it came as binary tensor data.
    """
    if field.kind == "string":
        if tensor.datatype != "BYTES":
            _refuse(field.name, f"expected datatype BYTES (strings), got {told(tensor.datatype)}")
        return np.array(_strings(tensor, binary), dtype=np.object_)
    numeric = _NUMERIC.get(tensor.datatype)
    if numeric is None:
        wanted = f"a number as one of {', '.join(_NUMERIC)}"
        _refuse(field.name, f"expected {wanted}, got datatype {told(tensor.datatype)}")
    if binary is not None:
        return _unpack_numbers(tensor, numeric, binary, nullable=field.nullable)
    # A None among the values becomes NaN.
    return np.array(_numbers(tensor, numeric, nullable=field.nullable), dtype=np.float32)


def row_ids(tensor: Tensor, binary: memoryview | None) -> list[str] | list[int]:
    """Return the values of the pass-through input, strings or whole numbers, as they came."""
    if tensor.datatype == "BYTES":
        return _strings(tensor, binary)
    numeric = _WHOLE.get(tensor.datatype)
    if numeric is None:
        wanted = f"row ids as BYTES or one of {', '.join(_WHOLE)}"
        _refuse(tensor.name, f"expected {wanted}, got datatype {told(tensor.datatype)}")
    if binary is None:
        return _numbers(tensor, numeric, nullable=False)
    ids: list[int] = np.frombuffer(_sized(tensor, numeric, binary), numeric.dtype).tolist()
    return ids


def _numbers(tensor: Tensor, numeric: _Numeric, *, nullable: bool) -> list[Any]:
    values = _flat(tensor)
    # Types as a set, then the extremes: all of it runs in C, so 100 rows cost little more than one.
    kinds = set(map(type, values))
    present = values
    if nullable and type(None) in kinds:
        kinds.discard(type(None))
        present = [value for value in values if value is not None]
    if kinds <= numeric.kinds and (
        not present or (min(present) >= numeric.low and max(present) <= numeric.high)
    ):
        return values
    for row, value in enumerate(values):
        if value is None and not nullable:
            _refuse(tensor.name, f"expected {numeric.asks}, got null: it may not be missing", row)
        if value is not None and not (
            type(value) in numeric.kinds and numeric.low <= value <= numeric.high
        ):
            _refuse(tensor.name, f"expected {numeric.asks}, got {told(value)}", row)
    raise AssertionError("a value was refused, and none is wrong")


def _unpack_numbers(
    tensor: Tensor, numeric: _Numeric, binary: memoryview, *, nullable: bool
) -> Column:
    values = np.frombuffer(_sized(tensor, numeric, binary), numeric.dtype)
    if numeric.dtype.kind == "f":
        wrong = ~(np.abs(values) <= numeric.high)
        if nullable:
            wrong &= ~np.isnan(values)
        if wrong.any():
            row = int(wrong.argmax())
            _refuse(tensor.name, f"expected {numeric.asks}, got {values[row]}", row)
    return values.astype(np.float32)


def _strings(tensor: Tensor, binary: memoryview | None) -> list[str]:
    if binary is not None:
        return _unpack_strings(tensor, binary)
    values = _flat(tensor)
    if set(map(type, values)) != {str}:
        row = next(row for row, value in enumerate(values) if type(value) is not str)
        hint = "; send what the model was trained with for missing" if values[row] is None else ""
        _refuse(tensor.name, f"expected a string, got {told(values[row])}{hint}", row)
    return values


def _unpack_strings(tensor: Tensor, binary: memoryview) -> list[str]:
    """Read ``<length: uint32><bytes>`` once for each row."""
    values: list[str] = []
    at = 0
    for row in range(tensor.shape[0]):
        start = at + 4
        at = start + int.from_bytes(binary[at:start], "little")
        if start > len(binary) or at > len(binary):
            _refuse(
                tensor.name, f"expected a length and a string, got only {len(binary)} bytes", row
            )
        try:
            values.append(str(binary[start:at], "utf-8"))
        except UnicodeDecodeError as error:
            _refuse(tensor.name, f"expected a string in UTF-8: {error}", row)
    if at != len(binary):
        _refuse(tensor.name, f"expected {at} bytes for {len(values)} strings, got {len(binary)}")
    return values


def _sized(tensor: Tensor, numeric: _Numeric, binary: memoryview) -> memoryview:
    wanted = tensor.shape[0] * numeric.dtype.itemsize
    if len(binary) != wanted:
        asks = f"{wanted} bytes of {tensor.datatype} for shape {tensor.shape}"
        _refuse(tensor.name, f"expected {asks}, got {len(binary)}")
    return binary


def _flat(tensor: Tensor) -> list[Any]:
    """Return ``data`` flat: as it is, or [[a], [b]] for the shape [n, 1]."""
    data = tensor.data
    if type(data) is not list:
        _refuse(tensor.name, f"expected data as a list of values, got {told(data)}")
    if len(data) != tensor.shape[0]:
        _refuse(
            tensor.name,
            f"expected {tensor.shape[0]} values for shape {tensor.shape}, got {len(data)}",
        )
    if len(tensor.shape) == 1 or type(data[0]) is not list:
        return data
    for row, value in enumerate(data):
        if type(value) is not list or len(value) != 1:
            _refuse(tensor.name, f"expected a list of one value, got {told(value)}", row)
    return [value for (value,) in data]


def told(value: object) -> str:
    """Return ``value`` as JSON's reader sees it, and short: it comes from outside."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {value[:60]!r}{'…' if len(value) > 60 else ''}"
        case list() if len(value) > 4:
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case int() if abs(value) > 10**40:
            return "a whole number of more than 40 digits"
        case _:
            return repr(value)[:60]


def _refuse(name: str, why: str, row: int | None = None) -> NoReturn:
    where = f"input {name!r}" if row is None else f"input {name!r}, row {row}"
    raise BadRequest(f"{where}: {why}", field=name)
