"""``unsafe-pickle``: any Python object, where the spec asks for it by this name. Never released.

Reading a pickle runs what is in it: one that somebody else wrote can do anything.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import Description, Format, Rows, named, words

_PROTOCOL: Final = 5


def _write_pickle(value: object, path: Path, rows: Rows) -> Description:
    try:
        with path.open("wb") as stream:
            pickle.dump(value, stream, protocol=_PROTOCOL)
    except OSError:
        raise
    except Exception as error:
        raise Refused(
            f"{named(value)} cannot be pickled: {words(error)}",
            hint="its functions and types must have a name in a module",
        ) from error
    return Description()


def _read_pickle(path: Path, types: Sequence[str]) -> object:
    warnings.warn(
        f"{path.name} is read as a pickle, which runs whatever code is in it",
        RuntimeWarning,
        stacklevel=4,
    )
    with path.open("rb") as stream:
        return pickle.load(stream)


def _describe_pickle(path: Path, rows: Rows) -> Description:
    # It is not read, for that would run it.
    with path.open("rb") as stream:
        first = stream.read(1)
        if first:
            stream.seek(-1, os.SEEK_END)
        if not first or stream.read(1) != b".":
            raise Refused(f"{path.name} is no pickle: it does not end as one")
    return Description()


PICKLE: Final = Format(write=_write_pickle, read=_read_pickle, describe=_describe_pickle)
