"""``figure``: a plot as PNG or SVG, or as the JSON of a chart that a browser draws.

No plotting library is imported: an object is asked for what it can do. The same plot gives the same
bytes: no time, no version and no other remark is left in a PNG that is made here.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import Description, Format, Rows, named

DPI: Final = 150

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_REMARKS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"})
_WANTED: Final = (
    "return a matplotlib Figure, a plotly or altair chart, or the bytes of a PNG or SVG"
)


def _write_figure(value: object, path: Path, rows: Rows) -> Description:
    data = _drawn(value)
    if _kind(data) is None:
        raise Refused(f"{named(value)} is no PNG, SVG or chart in JSON", hint=_WANTED)
    path.write_bytes(data)
    return Description()


def _drawn(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    if not hasattr(value, "savefig") and hasattr(value, "get_figure"):
        value = value.get_figure()  # the axes that pandas and seaborn return
    if hasattr(value, "savefig"):
        stream = io.BytesIO()
        value.savefig(stream, format="png", dpi=DPI)
        return _bare(stream.getvalue())
    if hasattr(value, "to_json") and not hasattr(value, "iloc"):
        chart = json.loads(value.to_json())
        return json.dumps(chart, sort_keys=True, ensure_ascii=False).encode()
    raise Refused(f"a figure is wanted, not {named(value)}", hint=_WANTED)


def _bare(data: bytes) -> bytes:
    """Return a PNG without its remarks."""
    if not data.startswith(_PNG):
        return data
    kept, at = [_PNG], len(_PNG)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if data[at + 4 : at + 8] not in _REMARKS:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _kind(data: bytes) -> str | None:
    if data.startswith(_PNG):
        return "png"
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"<svg", b"<?xml", b"<!DOCTYPE svg", b"<!--")) and b"<svg" in data:
        return "svg"
    if start.startswith(b"{"):
        try:
            chart = json.loads(data)
        except ValueError:
            return None
        return "json" if "data" in chart or "$schema" in chart else None
    return None


def _read_figure(path: Path, types: Sequence[str]) -> object:
    return path.read_bytes()


def _describe_figure(path: Path, rows: Rows) -> Description:
    if _kind(path.read_bytes()) is None:
        raise Refused(f"{path.name} is no PNG, SVG or chart in JSON")
    return Description()


FIGURE: Final = Format(write=_write_figure, read=_read_figure, describe=_describe_figure)
