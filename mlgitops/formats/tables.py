"""``parquet`` and ``csv``: pandas frames and any other table, written and described in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from mlgitops.core.errors import MlgitopsError
from mlgitops.formats.batches import Batches, batches
from mlgitops.formats.descriptions import Description, Format, Rows

_GZIP: Final = b"\x1f\x8b"
# Rows that are read at once where a file is only looked at.
_LOOK: Final = 1 << 16


def _write_parquet(value: object, path: Path, rows: Rows) -> Description:
    from pyarrow import parquet

    found = batches(value)
    with parquet.ParquetWriter(
        path, found.schema, compression="zstd", compression_level=3
    ) as writer:

        def written() -> Iterator[Any]:
            for piece in found.pieces:
                writer.write_table(piece, row_group_size=piece.num_rows)
                yield piece

        return _described(Batches(schema=found.schema, pieces=written()), rows)


def _read_parquet(path: Path, types: Sequence[str]) -> object:
    from pyarrow import parquet

    # Each column is let go when it has become one of pandas. With reading ahead, the bytes of the
    # file would be held beside them.
    return parquet.ParquetFile(path, pre_buffer=False).read().to_pandas(self_destruct=True)


def _describe_parquet(path: Path, rows: Rows) -> Description:
    import pyarrow as pa
    from pyarrow import parquet

    # With a buffer a column of a row group is read page by page, and not as a whole.
    with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        pieces = (pa.Table.from_batches([one]) for one in file.iter_batches(batch_size=_LOOK))
        return _described(Batches(schema=file.schema_arrow, pieces=pieces), rows)


def _described(found: Batches, check: Rows) -> Description:
    """Return what a table holds, after its last row."""
    from mlgitops.ml.tables import ContentDigest

    try:
        content: ContentDigest | None = ContentDigest(found.schema)
    except MlgitopsError:
        content = None
    rows = 0
    names = tuple(str(name) for name in found.schema.names)
    if check is not None:
        check.columns(names)
    for piece in found.pieces:
        rows += piece.num_rows
        if content is not None:
            content.add(piece)
        if check is not None:
            check.add(piece)
    return Description(
        rows=rows, columns=names, content=None if content is None else content.digest()
    )


def _write_csv(value: object, path: Path, rows: Rows) -> Description:
    with path.open("w", encoding="utf-8", newline="") as stream:
        header = True
        for frame in _frames(value):
            frame.to_csv(stream, index=False, lineterminator="\n", header=header)
            header = False
    return _describe_csv(path, rows)


def _frames(value: object) -> Iterator[Any]:
    """Yield the rows as pandas frames, at least one."""
    if hasattr(value, "iloc"):
        yield value
        return
    found = batches(value)
    yield found.schema.empty_table().to_pandas()
    for piece in found.pieces:
        yield piece.to_pandas()


def _read_csv(path: Path, types: Sequence[str]) -> object:
    import pandas as pd

    # Before 3.1 the usual converter is off by a last digit now and then; since then it is exact.
    old = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
    exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
    # low_memory=False: in pieces, one column could come out with another type in each of them.
    return pd.read_csv(path, compression=_compression(path), low_memory=False, **exact)


def _compression(path: Path) -> Any:
    with path.open("rb") as stream:
        return "gzip" if stream.read(2) == _GZIP else None


def _describe_csv(path: Path, rows: Rows) -> Description:
    import pandas as pd
    import pyarrow as pa

    count, names = 0, None
    # As text: types come from all values of a column, and are of no use here.
    with pd.read_csv(path, compression=_compression(path), dtype=str, chunksize=_LOOK) as pieces:
        for frame in pieces:
            count += len(frame)
            names = tuple(str(name) for name in frame.columns)
            if rows is not None:
                schema = pa.schema([(name, pa.large_string()) for name in names])
                rows.add(pa.Table.from_pandas(frame, schema=schema), text=True)
    if rows is not None and names is not None:
        rows.columns(names)
    return Description(rows=count, columns=names)


PARQUET: Final = Format(write=_write_parquet, read=_read_parquet, describe=_describe_parquet)
CSV: Final = Format(write=_write_csv, read=_read_csv, describe=_describe_csv)
