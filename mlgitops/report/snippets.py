"""Lines of files as a terminal shows them: number, text, and marks below what they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mlgitops.core.marks import Mark
from mlgitops.core.secrets import masked
from mlgitops.report.tables import Paint, Style, width

# A line is shown around its mark: a minified file is one line of a megabyte.
_COLUMNS: Final = 100
# So much on both sides is looked at, so that a secret is known by what stands before it.
_AROUND: Final = 4096
# What YAML takes for the end of a line, so that both count alike.
_ENDS: Final = ("\r\n", "\r", "\x85", "\u2028", "\u2029")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A place to be marked, with what is said beside the mark; the main one gets ``^``."""

    at: Mark
    text: str = ""
    style: Style = "dim"
    main: bool = False


class Lines:
    """The lines that ``marks`` are on; each file is read once, and no other line is kept."""

    def __init__(self, read: Callable[[str], bytes | None], marks: Iterable[Mark]) -> None:
        wanted: dict[str, set[int]] = {}
        for mark in marks:
            wanted.setdefault(mark.path, set()).add(mark.line)
        self._found = {
            path: dict(_numbered(read(path) or b"", lines)) for path, lines in wanted.items()
        }

    def at(self, mark: Mark) -> str | None:
        """Return the line that ``mark`` is on; None when there is nothing to see."""
        line = self._found.get(mark.path, {}).get(mark.line, "")
        return line if line.strip() else None


def frame(labels: Sequence[Label], lines: Lines, paint: Paint) -> Iterator[str]:
    """Yield the lines that ``labels``, all of one file, are about, with a mark below each."""
    ordered = sorted(labels, key=lambda label: (label.at.line, label.at.column))
    gutter = len(str(ordered[-1].at.line)) if ordered else 0
    before: tuple[int, str] | None = None
    for label in ordered:
        line = lines.at(label.at)
        if line is None:
            continue
        source, blank, marked = _window(line, label.at)
        number = label.at.line
        if before is not None and number > before[0] + 1:
            yield paint("  ...", "dim")
        if before != (number, source):
            yield f"  {paint(f'{number:>{gutter}} |', 'dim')} {source}"
        before = (number, source)
        carets = ("^" if label.main else "-") * max(1, marked)
        said = f"{carets} {shown(label.text)}" if label.text else carets
        edge = paint(" " * gutter + " |", "dim")
        yield f"  {edge} {' ' * blank}{paint(said, label.style)}"


def shown(text: str) -> str:
    """Return the text without what moves a terminal's cursor, reorders or colours what is on it."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character == "\t":
        return "    "
    # A control character has a picture; what only reorders or hides has none.
    return chr(0x2400 + ord(character)) if character < " " else "�"


def _numbered(data: bytes, wanted: set[int]) -> Iterator[tuple[int, str]]:
    text = data.decode("utf-8-sig", "replace")
    for end in _ENDS:
        text = text.replace(end, "\n")
    lines = text.split("\n", max(wanted))
    for number in wanted:
        if number <= len(lines):
            yield number, lines[number - 1]


def _window(line: str, mark: Mark) -> tuple[str, int, int]:
    """Return the part of the line to show, and the widths of what is before the mark and in it."""
    start = min(mark.column - 1, len(line))
    skipped = max(0, start - _AROUND)
    text = masked(line[skipped : start + _AROUND])
    start -= skipped
    stop = min(start + mark.length, len(text))
    cells = [_shown(character) for character in text]
    first, last = _fitting([width(cell) for cell in cells], start)
    head = "…" if skipped or first else ""
    tail = "…" if skipped + last < len(line) else ""
    blank = head + "".join(cells[first:start])
    marked = "".join(cells[start : min(stop, last)])
    return head + "".join(cells[first:last]) + tail, width(blank), width(marked)


def _fitting(widths: Sequence[int], start: int) -> tuple[int, int]:
    """Return the first and last cell of a window with ``start`` in it, half of it before that."""
    if sum(widths) <= _COLUMNS:
        return 0, len(widths)
    first = last = start
    room = _COLUMNS // 2
    while first and widths[first - 1] <= room:
        first -= 1
        room -= widths[first]
    room += _COLUMNS - _COLUMNS // 2
    while last < len(widths) and widths[last] <= room:
        room -= widths[last]
        last += 1
    while first and widths[first - 1] <= room:
        first -= 1
        room -= widths[first]
    return first, last
