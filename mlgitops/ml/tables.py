"""The digest of a table's content, however its bytes happen to be laid out.

Two tables have one digest exactly when they have the same columns in the same order, of the same
kinds, with the same values and nulls in the same rows. Chunks, dictionary encoding, the width of
string offsets, the unit of a timestamp, metadata, the writer and what lies under a null are layout.
The width of a number is content: float32 and float64 train different models.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mlgitops.core.digests import JSON, Digest, of_value
from mlgitops.core.errors import MlgitopsError

if TYPE_CHECKING:
    import pyarrow as pa

    # pyarrow ships no types: this name is for the reader.
    Array = Any

# Rows whose values are copied at once, so that a column of any length costs the same memory.
_AT_ONCE: Final = 1 << 16


def content_digest(table: pa.Table) -> Digest:
    """Return the digest of the rows of ``table``: names, kinds, values and nulls, in order.

    Raises MlgitopsError for a column of a type that has no digest (union, extension of unknown
    storage), naming it.
    """
    found = ContentDigest(table.schema)
    found.add(table)
    return found.digest()


class ContentDigest:
    """The digest of a table whose rows come in pieces; it is that of the whole table at once."""

    def __init__(self, schema: pa.Schema) -> None:
        """Begin with no rows; MlgitopsError for a column of a type that has no digest."""
        self._rows = 0
        self._columns = [
            (field.name, _kind(field.type, field.name), _Column(_plain_type(field.type)))
            for field in schema
        ]

    def add(self, table: pa.Table) -> None:
        """Take the next rows, of the same schema."""
        self._rows += table.num_rows
        for (_, _, column), values in zip(self._columns, table.columns, strict=True):
            for chunk in values.chunks:
                for start in range(0, len(chunk), _AT_ONCE):
                    column.add(_plain(chunk.slice(start, _AT_ONCE)))

    def digest(self) -> Digest:
        """Return the digest of the rows so far."""
        columns: list[JSON] = [[name, kind, one.parts()] for name, kind, one in self._columns]
        return of_value({"layout": 1, "rows": self._rows, "columns": columns})


class _Column:
    """The digests of validity, values and children of one column, chunk by chunk."""

    def __init__(self, kind: Any) -> None:
        from pyarrow import types

        self._kind = kind
        self._all_valid = 0  # rows, until the first null
        self._validity: hashlib._Hash | None = None
        self._lengths = hashlib.sha256()
        self._values = hashlib.sha256()
        self._children: list[tuple[str, _Column]] = []
        if types.is_struct(kind):
            fields = [kind.field(at) for at in range(kind.num_fields)]
            self._children = [(one.name, _Column(_plain_type(one.type))) for one in fields]
        elif types.is_large_list(kind):
            self._children = [("", _Column(_plain_type(kind.value_type)))]

    def add(self, chunk: Array) -> None:
        from pyarrow import types

        self._add_validity(chunk)
        if types.is_null(self._kind):
            return
        if types.is_struct(self._kind):
            for (_, child), inner in zip(self._children, chunk.flatten(), strict=True):
                child.add(_plain(inner))
        elif types.is_large_list(self._kind):
            self._lengths.update(_lengths(chunk))
            self._children[0][1].add(_plain(chunk.flatten()))
        elif types.is_large_string(self._kind) or types.is_large_binary(self._kind):
            self._lengths.update(_lengths(chunk))
            self._values.update(_text(chunk))
        else:
            self._values.update(_values(self._kind, chunk))

    def _add_validity(self, chunk: Array) -> None:
        # One byte a row: packed bits would depend on where the chunks are cut.
        if self._validity is None and chunk.null_count == 0:
            self._all_valid += len(chunk)
            return
        if self._validity is None:
            self._validity = hashlib.sha256()
            for start in range(0, self._all_valid, _AT_ONCE):
                self._validity.update(b"\1" * min(_AT_ONCE, self._all_valid - start))
        valid = chunk.is_valid().to_numpy(zero_copy_only=False)
        self._validity.update(valid.astype(np.uint8).tobytes())

    def parts(self) -> JSON:
        from pyarrow import types

        parts: list[JSON] = [None if self._validity is None else self._validity.hexdigest()]
        if types.is_null(self._kind):
            return parts
        if types.is_struct(self._kind):
            return [*parts, *([name, child.parts()] for name, child in self._children)]
        if types.is_large_list(self._kind):
            return [*parts, self._lengths.hexdigest(), self._children[0][1].parts()]
        if types.is_large_string(self._kind) or types.is_large_binary(self._kind):
            parts.append(self._lengths.hexdigest())
        return [*parts, self._values.hexdigest()]


def _lengths(chunk: Array) -> bytes:
    from pyarrow import compute, types

    length = compute.list_value_length if types.is_large_list(chunk.type) else compute.binary_length
    return bytes(length(chunk).fill_null(0).to_numpy(zero_copy_only=False).astype("<i8").tobytes())


def _text(chunk: Array) -> bytes:
    """Return the bytes of all strings, one after the other, nulls as nothing."""
    filled = chunk.drop_null()
    if len(filled) == 0:
        return b""
    _, offsets, data = filled.buffers()
    ends = np.frombuffer(offsets, dtype="<i8")[filled.offset : filled.offset + len(filled) + 1]
    return b"" if data is None else memoryview(data)[int(ends[0]) : int(ends[-1])].tobytes()


def _values(kind: Any, chunk: Array) -> bytes:
    """Return fixed-width values as little-endian bytes, zero under a null, one NaN."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_boolean(kind):
        data = chunk.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint8)
    elif types.is_floating(kind):
        data = chunk.to_numpy(zero_copy_only=False).copy()
        data[np.isnan(data)] = np.nan
        data[~chunk.is_valid().to_numpy(zero_copy_only=False)] = 0
    elif types.is_integer(kind):
        data = chunk.fill_null(pa.scalar(0, kind)).to_numpy(zero_copy_only=False)
    else:
        data = _instants(kind, chunk)
    return bytes(data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes())


_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _instants(kind: Any, chunk: Array) -> Any:
    """Return times as (seconds, nanoseconds) pairs: the unit is layout, pandas 3 changed it."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_date32(kind):
        days = chunk.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
        return days.astype(np.int64)
    unit = _PER_SECOND["ms" if types.is_date64(kind) else kind.unit]
    width = pa.int32() if types.is_time32(kind) else pa.int64()
    ticks = chunk.cast(width).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if types.is_date64(kind):
        return ticks // (86_400 * unit)
    seconds, rest = np.divmod(ticks, unit)
    return np.stack([seconds, rest * (10**9 // unit)], axis=1)


def _kind(kind: Any, name: str) -> JSON:
    """Return the name of a type's kind, as it goes into the digest."""
    from pyarrow import types

    if types.is_decimal(kind):
        return "decimal"
    kind = _plain_type(kind)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return str(kind)
    if types.is_timestamp(kind):
        return ["timestamp", kind.tz]
    if types.is_struct(kind):
        inner = [kind.field(at) for at in range(kind.num_fields)]
        return ["struct", *([f.name, _kind(f.type, name)] for f in inner)]
    if types.is_large_list(kind):
        return ["list", _kind(kind.value_type, name)]
    for word, test in (
        ("null", types.is_null),
        ("string", types.is_large_string),
        ("binary", types.is_large_binary),
        ("date", types.is_date),
        ("time", types.is_time),
        ("duration", types.is_duration),
    ):
        if test(kind):
            return word
    raise MlgitopsError(
        f"column {name!r} is of type {kind}, which has no content digest",
        hint="store it as a number, a string, a time, a list or a struct",
    )


def _plain_type(kind: Any) -> Any:
    """Return the type that stands for all layouts of one kind."""
    import pyarrow as pa
    from pyarrow import types

    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    if types.is_string(kind) or types.is_string_view(kind) or types.is_decimal(kind):
        return pa.large_string()
    if types.is_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        return pa.large_binary()
    if types.is_map(kind):
        return pa.large_list(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))
    if types.is_list(kind) or types.is_fixed_size_list(kind):
        return pa.large_list(kind.value_type)
    return kind


def _plain(chunk: Array) -> Array:
    """Return ``chunk`` in its plain layout."""
    import pyarrow as pa
    from pyarrow import compute, types

    if isinstance(chunk, pa.ExtensionArray):
        return _plain(chunk.storage)
    if types.is_dictionary(chunk.type):
        return _plain(chunk.dictionary_decode())
    if types.is_run_end_encoded(chunk.type):
        return _plain(compute.run_end_decode(chunk))
    goal = _plain_type(chunk.type)
    return chunk if goal.equals(chunk.type) else chunk.cast(goal)
