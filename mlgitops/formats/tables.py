"""``parquet`` and ``csv``: pandas frames, and for parquet any other table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.formats.descriptions import Description, Format, named, words

_GZIP: Final = b"\x1f\x8b"


def _write_parquet(value: object, path: Path) -> Description:
    from pyarrow import parquet

    table = _table(value)
    parquet.write_table(table, path, compression="zstd", compression_level=3)
    return _describe_table(table)


def _read_parquet(path: Path, types: Sequence[str]) -> object:
    from pyarrow import parquet

    return parquet.ParquetFile(path).read().to_pandas()


def _table(value: object) -> Any:
    """Return any table (pandas, Arrow, polars, …) as an Arrow table."""
    import pyarrow as pa

    try:
        if hasattr(value, "iloc"):
            return pa.Table.from_pandas(value)
        if isinstance(value, pa.Table):
            return value
        if hasattr(value, "__arrow_c_stream__"):
            return pa.table(value)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise Refused(
            f"the frame cannot be stored as parquet: {words(error)}",
            hint="give each column one type, and a name of its own",
        ) from error
    raise Refused(f"a table is wanted, not {named(value)}", hint="return a pandas DataFrame")


def _describe_table(table: Any) -> Description:
    from mlgitops.ml.tables import content_digest

    try:
        content = content_digest(table)
    except MlgitopsError:
        content = None
    names = tuple(str(name) for name in table.column_names)
    return Description(rows=int(table.num_rows), columns=names, content=content)


def _write_csv(value: object, path: Path) -> Description:
    if not hasattr(value, "iloc"):
        raise Refused(f"a table is wanted, not {named(value)}", hint="return a pandas DataFrame")
    frame: Any = value
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    return _describe_frame(value)


def _read_csv(path: Path, types: Sequence[str]) -> object:
    import pandas as pd

    with path.open("rb") as stream:
        zipped = stream.read(2) == _GZIP
    # Before 3.1 the usual converter is off by a last digit now and then; since then it is exact.
    old = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
    exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
    # low_memory=False: in pieces, one column could come out with another type in each of them.
    return pd.read_csv(path, compression="gzip" if zipped else None, low_memory=False, **exact)


def _describe_frame(value: Any) -> Description:
    return Description(rows=len(value), columns=tuple(str(name) for name in value.columns))


def _describe_parquet(path: Path) -> Description:
    return _describe_table(_table(_read_parquet(path, ())))


def _describe_csv(path: Path) -> Description:
    return _describe_frame(_read_csv(path, ()))


PARQUET: Final = Format(write=_write_parquet, read=_read_parquet, describe=_describe_parquet)
CSV: Final = Format(write=_write_csv, read=_read_csv, describe=_describe_csv)
