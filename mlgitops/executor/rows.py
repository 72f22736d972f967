"""Rows that come in pieces, to a file: what queries of all kinds give."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mlgitops import formats
from mlgitops.core.errors import Refused
from mlgitops.formats import Description

# Rows that are held at once; also a row group of a parquet file, so that its bytes do not depend on
# how the rows came.
PIECE: Final = 122_880


def write_rows(reader: Any, path: Path, format: str) -> Description:
    """Write the record batches of ``reader``, an Arrow one, to ``path``; at most one is held.

    Refused for a format that is no table's, and for values that it has no place for.
    """
    names = list(reader.schema.names)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Refused(f"the query gives two columns {twice!r}", hint="name one anew: … AS name")
    match format:
        case "parquet":
            return _parquet(reader, path)
        case "csv":
            return _csv(reader, path)
        case "jsonl":
            return _jsonl(reader, path)
        case "json":
            return formats.write(list(_plain(reader)), path, "json")
        case _:
            raise Refused(
                f"the rows of a query are not stored as {format}",
                hint="store them as parquet, csv, json or jsonl",
            )


def _parquet(reader: Any, path: Path) -> Description:
    from pyarrow import parquet

    options = {"compression": "zstd", "compression_level": 3}
    with parquet.ParquetWriter(path, reader.schema, **options) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return formats.describe(path, "parquet")


def _csv(reader: Any, path: Path) -> Description:
    import pyarrow as pa
    from pyarrow import csv

    for field in reader.schema:
        if pa.types.is_nested(field.type):
            raise Refused(
                f"column {field.name!r} holds {field.type}, which a CSV file has no place for",
                hint="take it apart in the query, or store the rows as parquet or jsonl",
            )
    rows = 0
    options = csv.WriteOptions(quoting_style="needed")
    with csv.CSVWriter(path, reader.schema, write_options=options) as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return Description(rows=rows, columns=tuple(reader.schema.names))


def _jsonl(reader: Any, path: Path) -> Description:
    rows = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in _plain(reader):
            try:
                text = json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False)
            except ValueError:
                raise Refused(
                    f"row {rows + 1} holds a number that JSON has not: infinite, or NaN",
                    hint="write NULL in its place, or store the rows as parquet",
                ) from None
            stream.write(f"{text}\n")
            rows += 1
    return Description(rows=rows)


def _plain(reader: Any) -> Iterator[dict[str, object]]:
    for batch in reader:
        for row in batch.to_pylist():
            yield {name: _value(value) for name, value in row.items()}


def _value(value: object) -> object:
    match value:
        case dict():
            return {str(name): _value(one) for name, one in value.items()}
        case list():
            return [_value(one) for one in value]
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case decimal.Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime.timedelta():
            return value.total_seconds()
        case bytes():
            return base64.b64encode(value).decode()
        case uuid.UUID():
            return str(value)
        case _:
            return value
