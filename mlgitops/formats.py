"""The formats of step outputs: an object in memory to a file, and back. Never pickle.

``parquet`` and ``csv`` hold pandas frames, ``json`` plain values, ``jsonl`` a list of them line by
line, ``npy`` an array, ``npz`` arrays by name, ``text`` a str, ``bytes`` bytes, ``onnx`` a graph,
``estimator`` a scikit-learn estimator (skops). The same object gives the same bytes, as long as the
library that writes them is the same. Libraries are imported by the format that needs them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, Refused

SUFFIXES: Final[dict[str, str]] = {
    "parquet": ".parquet",
    "csv": ".csv",
    "json": ".json",
    "jsonl": ".jsonl",
    "npy": ".npy",
    "npz": ".npz",
    "text": ".txt",
    "bytes": ".bin",
    "onnx": ".onnx",
    "estimator": ".skops",
}
# What is taken as it is when no worker of ours wrote it; all others are read once, to be checked.
UNREAD: Final = frozenset({"json", "text", "bytes"})

_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a file holds: ``rows`` of a table or a list.

    ``content``: digest of a parquet table's rows, whoever wrote the file.
    ``types``: of an estimator, the types that loading it makes and skops does not know as safe.
    """

    rows: int | None = None
    columns: tuple[str, ...] | None = None
    content: Digest | None = None
    types: tuple[str, ...] = ()


def write(value: object, path: Path, format: str) -> Description:
    """Write ``value`` to ``path`` in ``format``; Refused, with the reason, when it does not fit."""
    return _WRITERS[format](value, path)


def read(path: Path, format: str, types: Sequence[str] = ()) -> object:
    """Return what ``write`` wrote; Refused when the file is of another format.

    ``types``: the types of an estimator that its record lists; no other ones are made.
    """
    try:
        return _READERS[format](path, types)
    except (OSError, MlgitopsError):
        raise
    except Exception as error:
        raise Refused(f"{path.name} cannot be read as {format}: {_words(error)}") from error


def describe(path: Path, format: str) -> Description:
    """Return what the file holds; Refused when it cannot be read as ``format``."""
    if format == "estimator":
        return Description(types=_untrusted(path))
    value = read(path, format)
    if format == "parquet":
        return _describe_table(_table(value))
    if format == "csv":
        return _describe_frame(value)
    return Description(rows=len(value) if isinstance(value, list) and format == "jsonl" else None)


# -- tables -----------------------------------------------------------------------------------


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
            f"the frame cannot be stored as parquet: {_words(error)}",
            hint="give each column one type, and a name of its own",
        ) from error
    raise Refused(f"a table is wanted, not {_named(value)}", hint="return a pandas DataFrame")


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
        raise Refused(f"a table is wanted, not {_named(value)}", hint="return a pandas DataFrame")
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


# -- values -----------------------------------------------------------------------------------


def _write_json(value: object, path: Path) -> Description:
    text = json.dumps(_plain(value), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return Description(rows=len(value) if isinstance(value, list | tuple) else None)


def _plain(value: object) -> object:
    """Return ``value`` with numpy's scalars and arrays as plain Python."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise Refused(f"a JSON key must be text, not {_named(key)}: {key!r}")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"{value} is no JSON number", hint="leave it out, or write null")
    if value is None or isinstance(value, bool | int | float | str):
        # numpy's float64 is a float, and prints as one only after this.
        return float(value) if isinstance(value, float) else value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    raise Refused(f"{_named(value)} has no JSON form", hint="return dicts, lists, text and numbers")


def _read_json(path: Path, types: Sequence[str]) -> object:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_jsonl(value: object, path: Path) -> Description:
    if not isinstance(value, list | tuple):
        raise Refused(
            f"a list is wanted, not {_named(value)}", hint="return a list of plain values"
        )
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for one in value:
            text = json.dumps(_plain(one), sort_keys=True, ensure_ascii=False, allow_nan=False)
            stream.write(f"{text}\n")
    return Description(rows=len(value))


def _read_jsonl(path: Path, types: Sequence[str]) -> object:
    found = []
    # Not splitlines(): a text may hold separators of lines that JSON does not escape.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise Refused(f"{path.name}, line {number}: {_words(error)}") from error
    return found


def _write_text(value: object, path: Path) -> Description:
    if not isinstance(value, str):
        raise Refused(f"text is wanted, not {_named(value)}", hint="return a str")
    path.write_bytes(value.encode())
    return Description()


def _read_text(path: Path, types: Sequence[str]) -> object:
    return path.read_bytes().decode()


def _write_bytes(value: object, path: Path) -> Description:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise Refused(f"bytes are wanted, not {_named(value)}", hint="return bytes")
    path.write_bytes(value)
    return Description()


def _read_bytes(path: Path, types: Sequence[str]) -> object:
    return path.read_bytes()


# -- arrays and graphs ------------------------------------------------------------------------


def _array(value: object, what: str) -> Any:
    import numpy as np

    if not isinstance(value, np.ndarray):
        raise Refused(f"{what} is wanted, not {_named(value)}", hint="return a numpy array")
    if value.dtype.hasobject:
        raise Refused(
            f"an array of the type {value.dtype} cannot be stored without pickle",
            hint="give it a type of numbers or of text, with .astype(...)",
        )
    return value


def _write_npy(value: object, path: Path) -> Description:
    import numpy as np

    array = _array(value, "an array")
    with path.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
    return Description()


def _read_npy(path: Path, types: Sequence[str]) -> object:
    import numpy as np

    return np.load(path, allow_pickle=False)


def _write_npz(value: object, path: Path) -> Description:
    import numpy as np

    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise Refused(f"arrays by name are wanted, not {_named(value)}", hint="return a dict")
    arrays = {name: _array(value[name], f"an array for {name!r}") for name in sorted(value)}
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    return Description()


def _read_npz(path: Path, types: Sequence[str]) -> object:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _write_onnx(value: object, path: Path) -> Description:
    import onnx

    if isinstance(value, onnx.ModelProto):
        value = value.SerializeToString(deterministic=True)
    if not isinstance(value, bytes):
        raise Refused(f"a graph is wanted, not {_named(value)}", hint="return an onnx.ModelProto")
    path.write_bytes(value)
    read(path, "onnx")
    return Description()


def _read_onnx(path: Path, types: Sequence[str]) -> object:
    import onnx

    model = onnx.load_model_from_string(path.read_bytes())
    onnx.checker.check_model(model)
    return model


# -- estimators -------------------------------------------------------------------------------


def _write_estimator(value: object, path: Path) -> Description:
    from skops import io

    if not hasattr(value, "predict") and not hasattr(value, "transform"):
        raise Refused(f"an estimator is wanted, not {_named(value)}", hint="return a fitted one")
    try:
        path.write_bytes(_repeatable(io.dumps(value)))
        types = _untrusted(path)
        # A lambda is stored by its name, and only fails when that is looked up.
        _read_estimator(path, types)
    except Exception as error:
        raise Refused(
            f"{_named(value)} cannot be stored without pickle: {_words(error)}",
            hint="its functions and types must have a name in a module",
        ) from error
    return Description(types=types)


def _read_estimator(path: Path, types: Sequence[str]) -> object:
    from skops import io

    return io.load(path, trusted=list(types))


def _untrusted(path: Path) -> tuple[str, ...]:
    from skops import io

    return tuple(io.get_untrusted_types(file=path))


def _repeatable(data: bytes) -> bytes:
    """Return a skops file without what differs from run to run: memory addresses and the time.

    skops names each object, and each array's file, by its address; here by its order instead.
    """
    import io
    import zipfile

    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w") as new:
        schema = json.loads(old.read("schema.json"))
        files: dict[str, str] = {}
        _renumber(schema, {}, files)
        for before, after in files.items():
            new.writestr(zipfile.ZipInfo(after), old.read(before))
        new.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema, indent=2))
    return result.getvalue()


def _renumber(node: object, ids: dict[int, int], files: dict[str, str]) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if "__loader__" in node and isinstance(node.get("file"), str):
            suffix = Path(node["file"]).suffix
            node["file"] = files.setdefault(node["file"], f"{len(files) + 1}{suffix}")
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _renumber(item, ids, files)


def _named(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _words(error: BaseException) -> str:
    """Return an error's message in one line, with its type where that says more."""
    text = " ".join(str(error).split())
    return text or type(error).__name__


_WRITERS: Final[dict[str, Callable[[object, Path], Description]]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "json": _write_json,
    "jsonl": _write_jsonl,
    "npy": _write_npy,
    "npz": _write_npz,
    "text": _write_text,
    "bytes": _write_bytes,
    "onnx": _write_onnx,
    "estimator": _write_estimator,
}
_READERS: Final[dict[str, Callable[[Path, Sequence[str]], object]]] = {
    "parquet": _read_parquet,
    "csv": _read_csv,
    "json": _read_json,
    "jsonl": _read_jsonl,
    "npy": _read_npy,
    "npz": _read_npz,
    "text": _read_text,
    "bytes": _read_bytes,
    "onnx": _read_onnx,
    "estimator": _read_estimator,
}
