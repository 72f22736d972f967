"""Python's own parser, kept from what it cannot take: the one place that reads a file as Python."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 1_000_000
MAX_WORDS: Final = 100_000
MAX_DOTS: Final = 100

_WORDS: Final = re.compile(rb"\w+|[^\w\s]")
_DOTTED: Final = re.compile(rb"(?:\.[\s\\]*\w+[\s\\]*){%d}" % MAX_DOTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPython:
    """It cannot be read as Python."""

    path: str
    line: int
    why: str
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRead:
    """It is there, and is not looked into."""

    path: str
    why: str


def parse(source: bytes, path: str) -> ast.Module | NotPython | NotRead:
    """Read one file.

    Not to be called by two threads at once: CPython 3.11 and 3.12 count the depth of all syntax
    trees in one place (python/cpython#106905).
    """
    why = _too_large(source)
    if why is not None:
        return NotRead(path=path, why=why)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, path)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        return NotPython(path=path, line=line, column=column, why=error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return NotPython(path=path, line=1, why=str(error) or "nested too deeply")


def _too_large(source: bytes) -> str | None:
    """Return why Python's own parser should not get ``source``, or None."""
    if len(source) > MAX_BYTES:
        return f"it has more than {MAX_BYTES:,} bytes"
    # A tree takes a hundred times the room of its text, and a long name the square of its time.
    # A word has a byte at least, so most modules need no counting.
    if len(source) > MAX_WORDS and sum(1 for _ in _WORDS.finditer(source)) > MAX_WORDS:
        return f"it has more than {MAX_WORDS:,} words"
    if _DOTTED.search(source):
        return f"a name in it has more than {MAX_DOTS} dots"
    return None
