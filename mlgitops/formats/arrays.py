"""``npy``: an array; ``npz``: arrays by name. No pickled objects in either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import Description, Format, Rows, named


def _array(value: object, what: str) -> Any:
    import numpy as np

    if not isinstance(value, np.ndarray):
        raise Refused(f"{what} is wanted, not {named(value)}", hint="return a numpy array")
    if value.dtype.hasobject:
        raise Refused(
            f"an array of the type {value.dtype} cannot be stored without pickle",
            hint="give it a type of numbers or of text, with .astype(...)",
        )
    return value


def _write_npy(value: object, path: Path, rows: Rows) -> Description:
    import numpy as np

    array = _array(value, "an array")
    with path.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
    return Description()


def _read_npy(path: Path, types: Sequence[str]) -> object:
    import numpy as np

    return np.load(path, allow_pickle=False)


def _write_npz(value: object, path: Path, rows: Rows) -> Description:
    import numpy as np

    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise Refused(f"arrays by name are wanted, not {named(value)}", hint="return a dict")
    arrays = {name: _array(value[name], f"an array for {name!r}") for name in sorted(value)}
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    return Description()


def _read_npz(path: Path, types: Sequence[str]) -> object:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _describe_npy(path: Path, rows: Rows) -> Description:
    _read_npy(path, ())
    return Description()


def _describe_npz(path: Path, rows: Rows) -> Description:
    _read_npz(path, ())
    return Description()


NPY: Final = Format(write=_write_npy, read=_read_npy, describe=_describe_npy)
NPZ: Final = Format(write=_write_npz, read=_read_npz, describe=_describe_npz)
