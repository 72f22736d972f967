"""pandas frames as Arrow tables, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def schema_of(frame: Any) -> Any:
    """Return the Arrow schema of a frame; it holds what brings the frame back."""
    import pyarrow as pa

    return pa.Schema.from_pandas(frame)


def tables_of(frame: Any, schema: Any, size: int) -> Iterator[Any]:
    """Yield the rows of a frame as Arrow tables of ``schema``, ``size`` rows each.

    Numbers are not copied. Text is, and only that of one table at a time.
    """
    import pyarrow as pa

    columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
    levels = len(schema) - len(columns)
    if levels not in (0, frame.index.nlevels):
        # An index of which only a part is stored.
        yield pa.Table.from_pandas(frame, schema=schema)
        return
    columns += [frame.index.get_level_values(at) for at in range(levels)]
    for start in range(0, len(frame), size):
        yield pa.Table.from_arrays(
            [
                _array(column[start : start + size], field)
                for column, field in zip(columns, schema, strict=True)
            ],
            schema=schema,
        )


def _array(values: Any, field: Any) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values, type=field.type, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise type(error)(f"column {field.name!r}: {error}") from error
