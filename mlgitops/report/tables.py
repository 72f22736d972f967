"""Text in columns, for a terminal or a pipe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

Style = Literal["plain", "bold", "dim", "good", "warn", "bad"]
Paint: TypeAlias = Callable[[str, Style], str]
Cell: TypeAlias = "str | tuple[str, Style]"

_CODES: Final[dict[Style, str]] = {
    "plain": "",
    "bold": "1",
    "dim": "2",
    "good": "32",
    "warn": "33",
    "bad": "31",
}


_OWN: Final = re.compile(r"(\x1b\[(?:0|1|2|31|32|33)m)")


def plain(text: str, style: Style) -> str:
    """Return the text as it is."""
    del style
    return text


def ansi(text: str, style: Style) -> str:
    """Return the text in the colours of a terminal."""
    code = _CODES[style]
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def clean(text: str) -> str:
    """Return the text without what would steer a terminal: anybody may have written it."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text.replace("\r\n", "\n"))


def tamed(page: str) -> str:
    """Return a whole page cleaned; of what steers a terminal only the colours of ``ansi`` stay."""
    return "".join(part if _OWN.fullmatch(part) else clean(part) for part in _OWN.split(page))


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]], paint: Paint = plain) -> str:
    """Return the rows aligned under their header; every row has as many cells as the header."""
    lines: list[Sequence[Cell]] = [[(word, "bold") for word in header], *rows]
    widths = [max(width(_text(line[n])) for line in lines) for n in range(len(header))]
    return "\n".join(_line(line, widths, paint) for line in lines)


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    # A mark stands on the letter before it, and a vowel of Hangul in the syllable before it.
    if unicodedata.category(character) in ("Mn", "Me") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _line(cells: Sequence[Cell], widths: Sequence[int], paint: Paint) -> str:
    parts = []
    for number, (cell, room) in enumerate(zip(cells, widths, strict=True), start=1):
        text = _text(cell)
        # Nothing after the last column: blanks at the end of a line are noise in a pipe.
        gap = "" if number == len(cells) else " " * (room - width(text))
        parts.append(paint(text, "plain" if isinstance(cell, str) else cell[1]) + gap)
    return "  ".join(parts).rstrip()


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]
