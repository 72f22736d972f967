"""``json`` and ``jsonl``: plain values; ``text`` and ``bytes``: as they are."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import Description, Format, named, words


def _write_json(value: object, path: Path) -> Description:
    text = json.dumps(_plain(value), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return Description(rows=len(value) if isinstance(value, list | tuple) else None)


def _plain(value: object) -> object:
    """Return ``value`` with numpy's scalars and arrays as plain Python."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise Refused(f"a JSON key must be text, not {named(key)}: {key!r}")
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
    raise Refused(f"{named(value)} has no JSON form", hint="return dicts, lists, text and numbers")


def _read_json(path: Path, types: Sequence[str]) -> object:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_jsonl(value: object, path: Path) -> Description:
    if not isinstance(value, list | tuple):
        raise Refused(f"a list is wanted, not {named(value)}", hint="return a list of plain values")
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for one in value:
            text = json.dumps(_plain(one), sort_keys=True, ensure_ascii=False, allow_nan=False)
            stream.write(f"{text}\n")
    return Description(rows=len(value))


def _read_jsonl(path: Path, types: Sequence[str]) -> list[object]:
    found: list[object] = []
    # Not splitlines(): a text may hold separators of lines that JSON does not escape.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise Refused(f"{path.name}, line {number}: {words(error)}") from error
    return found


def _write_text(value: object, path: Path) -> Description:
    if not isinstance(value, str):
        raise Refused(f"text is wanted, not {named(value)}", hint="return a str")
    path.write_bytes(value.encode())
    return Description()


def _read_text(path: Path, types: Sequence[str]) -> object:
    return path.read_bytes().decode()


def _write_bytes(value: object, path: Path) -> Description:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise Refused(f"bytes are wanted, not {named(value)}", hint="return bytes")
    path.write_bytes(value)
    return Description()


def _read_bytes(path: Path, types: Sequence[str]) -> object:
    return path.read_bytes()


def _describe_json(path: Path) -> Description:
    _read_json(path, ())
    return Description()


def _describe_jsonl(path: Path) -> Description:
    return Description(rows=len(_read_jsonl(path, ())))


def _describe_text(path: Path) -> Description:
    _read_text(path, ())
    return Description()


def _describe_bytes(path: Path) -> Description:
    return Description()


FORMATS: Final = {
    "json": Format(write=_write_json, read=_read_json, describe=_describe_json),
    "jsonl": Format(write=_write_jsonl, read=_read_jsonl, describe=_describe_jsonl),
    "text": Format(write=_write_text, read=_read_text, describe=_describe_text),
    "bytes": Format(write=_write_bytes, read=_read_bytes, describe=_describe_bytes),
}
