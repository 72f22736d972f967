"""The formats of step outputs: an object in memory to a file, and back. No pickle, unless asked.

``parquet`` and ``csv`` hold tables, ``json`` plain values, ``jsonl`` a list of them line by line,
``npy`` an array, ``npz`` arrays by name, ``text`` a str, ``bytes`` bytes, ``directory`` a folder,
``figure`` a plot, ``onnx`` a graph, ``estimator`` a scikit-learn estimator (skops),
``unsafe-pickle`` what has no other form. The same object gives the same bytes (of a pickle nobody
can promise it), as long as the library that writes them is the same. Libraries are imported by the
format that needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlgitops.core.contracts import Contract, told
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.formats.descriptions import Description, Format, words

if TYPE_CHECKING:
    from mlgitops.ml.contracts import Check

__all__ = ["FOLDER", "SUFFIXES", "UNREAD", "Description", "describe", "read", "write"]

SUFFIXES: Final[dict[str, str]] = {
    "parquet": ".parquet",
    "csv": ".csv",
    "json": ".json",
    "jsonl": ".jsonl",
    "npy": ".npy",
    "npz": ".npz",
    "text": ".txt",
    "bytes": ".bin",
    "directory": "",
    "figure": ".png",
    "onnx": ".onnx",
    "estimator": ".skops",
    "unsafe-pickle": ".pkl",
}
# The one format that is no file.
FOLDER: Final = "directory"
# What is taken as it is when no worker of ours wrote it; all others are read once, to be checked.
UNREAD: Final = frozenset({"json", "text", "bytes"})


def write(value: object, path: Path, format: str, contract: Contract | None = None) -> Description:
    """Write ``value`` to ``path`` in ``format``; Refused, with the reason, when it does not fit.

    ``contract``: what its rows must keep; Refused with what they break.
    """
    check = _check(contract)
    described = _format(format).write(value, path, check)
    _keep(contract, check)
    return described


def read(path: Path, format: str, types: Sequence[str] = ()) -> object:
    """Return what ``write`` wrote; Refused when the file is of another format.

    ``types``: the types of an estimator that its record lists; no other ones are made.
    """
    try:
        return _format(format).read(path, types)
    except (OSError, MlgitopsError):
        raise
    except Exception as error:
        raise Refused(f"{path.name} cannot be read as {format}: {words(error)}") from error


def describe(path: Path, format: str, contract: Contract | None = None) -> Description:
    """Return what the file holds; Refused when it cannot be read as ``format``, or when its rows
    break ``contract``."""
    check = _check(contract)
    try:
        described = _format(format).describe(path, check)
    except (OSError, MlgitopsError):
        raise
    except Exception as error:
        raise Refused(f"{path.name} cannot be read as {format}: {words(error)}") from error
    _keep(contract, check)
    return described


def _check(contract: Contract | None) -> Check | None:
    if contract is None:
        return None
    from mlgitops.ml.contracts import Check

    return Check(contract)


def _keep(contract: Contract | None, check: Check | None) -> None:
    breaches = () if check is None else check.breaches()
    if contract is not None and breaches:
        raise Refused(told(contract, breaches))


def _format(name: str) -> Format:
    """Return a format by its name; each is imported when it is wanted."""
    match name:
        case "parquet" | "csv":
            from mlgitops.formats import tables

            return tables.PARQUET if name == "parquet" else tables.CSV
        case "json" | "jsonl" | "text" | "bytes":
            from mlgitops.formats import values

            return values.FORMATS[name]
        case "npy" | "npz":
            from mlgitops.formats import arrays

            return arrays.NPY if name == "npy" else arrays.NPZ
        case "onnx":
            from mlgitops.formats import graphs

            return graphs.ONNX
        case "estimator":
            from mlgitops.formats import estimators

            return estimators.ESTIMATOR
        case "directory":
            from mlgitops.formats import folders

            return folders.DIRECTORY
        case "figure":
            from mlgitops.formats import figures

            return figures.FIGURE
        case "unsafe-pickle":
            from mlgitops.formats import pickles

            return pickles.PICKLE
        case _:
            raise KeyError(name)
