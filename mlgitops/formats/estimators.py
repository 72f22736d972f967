"""``estimator``: a scikit-learn estimator as skops stores it, and never a pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import Description, Format, Rows, named, words


def _write_estimator(value: object, path: Path, rows: Rows) -> Description:
    from skops import io

    if not hasattr(value, "predict") and not hasattr(value, "transform"):
        raise Refused(f"an estimator is wanted, not {named(value)}", hint="return a fitted one")
    try:
        path.write_bytes(_repeatable(io.dumps(value)))
        types = _untrusted(path)
        # A lambda is stored by its name, and only fails when that is looked up.
        _read_estimator(path, types)
    except Exception as error:
        raise Refused(
            f"{named(value)} cannot be stored without pickle: {words(error)}",
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


def _describe_estimator(path: Path, rows: Rows) -> Description:
    return Description(types=_untrusted(path))


ESTIMATOR: Final = Format(
    write=_write_estimator, read=_read_estimator, describe=_describe_estimator
)
