"""What a query asks: its text, without comments and layout where that is certain to be the same."""

from __future__ import annotations

import re
from typing import Final

from mlgitops.core.digests import Digest, of_bytes

_PARTS: Final = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")"""
    r"|(?P<gap>(?:--[^\n]*(?:\n|\Z)|/\*(?:(?!\*/|/\*).)*\*/|[ \t\r\n\f\v])+)"
    # A quote that does not end, a comment in a comment, and $$text$$.
    r"""|(?P<unsure>['"]|/\*|\$\w*\$)"""
    r"|(?P<word>\w+)|(?P<other>.)",
    re.DOTALL,
)


def meaning_of_query(text: bytes) -> Digest:
    """Return the digest of what a query asks of DuckDB.

    Comments and blanks outside of quotes do not count. Where it takes more than this to say what
    is quoted, every byte counts: a query is never taken for another.
    """
    try:
        query = text.decode()
    except UnicodeDecodeError:
        return of_bytes(text)
    kept: list[str] = []
    kinds: list[str | None] = ["gap", "gap"]
    for part in _PARTS.finditer(query):
        kind = part.lastgroup
        # e'text' knows backslashes; texts side by side are one or two, as there is a newline.
        glued = kinds[-1] in ("word", "quoted") or kept[-1:] == ["&"]
        if kind == "unsure" or (kind == "quoted" and (glued or kinds[-2:] == ["quoted", "gap"])):
            return of_bytes(text)
        kept.append(" " if kind == "gap" else part[0])
        kinds.append(kind)
    return of_bytes("".join(kept).strip(" ").encode())
