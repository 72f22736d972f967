"""Any table as an Arrow schema and its rows in pieces, so that no table is held twice.

The pieces are cut by the schema alone: the same rows give the same file, however they come in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import named, words

# A piece is one row group of a file: about so many bytes of numbers, and so many rows at most.
_BYTES: Final = 16 << 20
_LEAST: Final = 1 << 13
_MOST: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """``pieces`` are Arrow tables of ``schema``, to be gone through once."""

    schema: Any
    pieces: Iterator[Any]


def batches(value: object) -> Batches:
    """Return the rows of a table of any library, of a reader, or of an iterator of tables.

    Refused for what is none, or cannot be stored.
    """
    import pyarrow as pa

    try:
        found = _batches(value)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise _unfit(error) from error
    return Batches(schema=found.schema, pieces=_even(found))


def _batches(value: object) -> Batches:
    import pyarrow as pa

    if hasattr(value, "iloc"):
        from mlgitops.formats.frames import schema_of, tables_of

        schema = schema_of(value)
        return Batches(schema=schema, pieces=tables_of(value, schema, _size(schema)))
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        return Batches(schema=value.schema, pieces=iter([value]))
    if isinstance(value, pa.RecordBatchReader) or hasattr(value, "__arrow_c_stream__"):
        stream: Any = value
        reader = pa.RecordBatchReader.from_stream(stream)
        pieces = (pa.Table.from_batches([batch]) for batch in reader)
        return Batches(schema=reader.schema, pieces=pieces)
    if hasattr(value, "collect_schema") and hasattr(value, "collect"):
        # A lazy frame of polars; its engine streams, and only the result is held.
        lazy: Any = value
        return _batches(lazy.collect(engine="streaming"))
    if isinstance(value, Iterator):
        return _joined(value)
    raise Refused(f"a table is wanted, not {named(value)}", hint="return a pandas DataFrame")


def _joined(items: Iterator[object]) -> Batches:
    """Return the rows of tables that come one after the other; the first one says the columns."""
    first = next(items, None)
    if first is None:
        raise Refused(
            "no table came: nothing says the columns",
            hint="give at least one, which may be without rows",
        )
    start = _batches(first)
    schema = start.schema.remove_metadata()

    def pieces() -> Iterator[Any]:
        yield from start.pieces
        number = 1
        for number, item in enumerate(items, start=2):
            following = _batches(item)
            if not following.schema.remove_metadata().equals(schema):
                raise Refused(
                    f"table {number} has other columns than the first: "
                    f"{_difference(schema, following.schema)}",
                    hint="give each column one type in all of them, also where it has no values",
                )
            yield from following.pieces

    return Batches(
        schema=schema, pieces=(piece.replace_schema_metadata(None) for piece in pieces())
    )


def _difference(one: Any, other: Any) -> str:
    before = {field.name: str(field.type) for field in one}
    after = {field.name: str(field.type) for field in other}
    for name, kind in after.items():
        if before.get(name) != kind:
            return f"{name!r} is {kind}, before {before.get(name, 'not there')}"
    gone = [name for name in before if name not in after]
    return f"{gone[0]!r} is not there" if gone else "their order"


def _even(found: Batches) -> Iterator[Any]:
    """Cut and join pieces to those of one size, each in one chunk."""
    import pyarrow as pa

    size = _size(found.schema)
    waiting: list[Any] = []
    rows = 0
    pieces = found.pieces
    while True:
        try:
            piece = next(pieces, None)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise _unfit(error) from error
        if piece is None:
            break
        start = 0
        while start < piece.num_rows:
            part = piece.slice(start, size - rows)
            waiting.append(part)
            start += part.num_rows
            rows += part.num_rows
            if rows == size:
                yield pa.concat_tables(waiting).combine_chunks()
                waiting, rows = [], 0
    if rows:
        yield pa.concat_tables(waiting).combine_chunks()


def _size(schema: Any) -> int:
    rows = _BYTES // (8 * max(1, len(schema)))
    return max(_LEAST, min(_MOST, rows // _LEAST * _LEAST))


def _unfit(error: Exception) -> Refused:
    return Refused(
        f"the frame cannot be stored as parquet: {words(error)}",
        hint="give each column one type, and a name of its own",
    )
