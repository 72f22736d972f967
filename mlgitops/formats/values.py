"""``json`` and ``jsonl``: plain values; ``text`` and ``bytes``: as they are."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, cast

from mlgitops.core.digests import JSON
from mlgitops.core.errors import Refused
from mlgitops.core.measures import measures_in
from mlgitops.formats.descriptions import Description, Format, Rows, named, words

# Rows that are held against a contract at once.
_LOOK: Final = 1 << 14


def _write_json(value: object, path: Path, rows: Rows) -> Description:
    plain = _plain(value)
    text = json.dumps(plain, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return _described(plain)


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


def _write_jsonl(value: object, path: Path, rows: Rows) -> Description:
    if not isinstance(value, list | tuple | Iterator):
        raise Refused(f"a list is wanted, not {named(value)}", hint="return a list of plain values")
    with path.open("w", encoding="utf-8", newline="\n") as stream:

        def written() -> Iterator[object]:
            for one in value:
                plain = _plain(one)
                text = json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False)
                stream.write(f"{text}\n")
                yield plain

        return _counted(written(), rows)


def _counted(values: Iterator[object], check: Rows) -> Description:
    """Return how many rows there were, after the last one."""
    count = 0
    while piece := list(islice(values, _LOOK)):
        if check is not None:
            for number, one in enumerate(piece, start=count + 1):
                if not isinstance(one, dict):
                    raise Refused(f"row {number:,} is no object: it has no columns")
            check.add_objects(cast("list[dict[str, object]]", piece))
        count += len(piece)
    return Description(rows=count)


def _read_jsonl(path: Path, types: Sequence[str]) -> list[object]:
    return list(_lines(path))


def _describe_jsonl(path: Path, rows: Rows) -> Description:
    return _counted(_lines(path), rows)


def _lines(path: Path) -> Iterator[object]:
    # Bytes: a text may hold separators of lines that JSON does not escape.
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise Refused(f"{path.name}, line {number}: {words(error)}") from error


def _write_text(value: object, path: Path, rows: Rows) -> Description:
    if not isinstance(value, str):
        raise Refused(f"text is wanted, not {named(value)}", hint="return a str")
    try:
        path.write_bytes(value.encode())
    except UnicodeEncodeError as error:
        raise Refused(
            f"what is no text has no form in UTF-8: {error.reason} at {error.start}",
            hint="return bytes, and declare them so",
        ) from None
    return Description()


def _read_text(path: Path, types: Sequence[str]) -> object:
    return path.read_bytes().decode()


def _write_bytes(value: object, path: Path, rows: Rows) -> Description:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise Refused(f"bytes are wanted, not {named(value)}", hint="return bytes")
    path.write_bytes(value)
    return Description()


def _read_bytes(path: Path, types: Sequence[str]) -> object:
    return path.read_bytes()


def _describe_json(path: Path, rows: Rows) -> Description:
    return _described(_read_json(path, ()))


def _described(value: object) -> Description:
    return Description(
        rows=len(value) if isinstance(value, list) else None,
        metrics=measures_in(cast("JSON", value)),
    )


def _describe_text(path: Path, rows: Rows) -> Description:
    _read_text(path, ())
    return Description()


def _describe_bytes(path: Path, rows: Rows) -> Description:
    return Description()


FORMATS: Final = {
    "json": Format(write=_write_json, read=_read_json, describe=_describe_json),
    "jsonl": Format(write=_write_jsonl, read=_read_jsonl, describe=_describe_jsonl),
    "text": Format(write=_write_text, read=_read_text, describe=_describe_text),
    "bytes": Format(write=_write_bytes, read=_read_bytes, describe=_describe_bytes),
}
