"""Fixes as data: what to write where. ``apply`` changes a text in these places and nowhere else."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from functools import lru_cache
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.marks import Mark

# What YAML counts as the end of a line; places that it gives are counted so.
_LINE_END: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """``text`` in place of what stands from (line, column) up to (end_line, end_column).

    All count from 1, columns in characters, and the end is not part of it: a line is deleted as
    (n, 1) to (n + 1, 1), and text is inserted where both are the same. A line end in ``text`` is
    written as ``\\n``, whatever the file uses.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON form inside of a fix."""
        return {
            "path": self.path.encode("utf-8", "replace").decode(),
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A change that is certainly meant; ``title`` says it ("write 'timeout'").

    All edits or none, in one file.
    """

    title: str
    edits: tuple[Edit, ...]

    @property
    def path(self) -> str:
        """Return the file that it changes."""
        return self.edits[0].path

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON form inside of a finding."""
        return {"title": self.title, "edits": [edit.to_json() for edit in self.edits]}


def replacing(at: Mark, text: str) -> Edit:
    """Return the edit that writes ``text`` in place of what ``at`` marks."""
    return Edit(
        path=at.path,
        line=at.line,
        column=at.column,
        end_line=at.line,
        end_column=at.column + at.length,
        text=text,
    )


def inserting(path: str, line: int, column: int, text: str) -> Edit:
    """Return the edit that writes ``text`` before the character at (line, column)."""
    return Edit(path=path, line=line, column=column, end_line=line, end_column=column, text=text)


def deleting_line(path: str, line: int) -> Edit:
    """Return the edit that takes one line out, with its end."""
    return Edit(path=path, line=line, column=1, end_line=line + 1, end_column=1, text="")


@lru_cache(maxsize=4)
def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of ``text`` without their ends, cut where YAML cuts them."""
    return tuple(_LINE_END.split(text))


def apply(text: str, fixes: Iterable[Fix]) -> tuple[str, tuple[Fix, ...]]:
    """Return ``text`` with ``fixes``, and those that were applied.

    Of fixes that overlap the first one is applied. Line ends, a byte order mark and the presence
    of a final line end stay as they are.
    """
    bare = text.removeprefix(_BOM)
    starts = [0, *(found.end() for found in _LINE_END.finditer(bare))]
    end = _LINE_END.search(bare)
    applied: list[Fix] = []
    taken: list[tuple[int, int, str]] = []
    for fix in fixes:
        spans = [_span(edit, starts, len(bare)) for edit in fix.edits]
        if not set(spans) <= set(taken):
            if any(_overlap(new, old) for new in spans for old in taken):
                continue
            for span in spans:
                insort(taken, span)
        applied.append(fix)
    parts, place = [], 0
    for first, last, written in taken:
        parts += [bare[place:first], written.replace("\n", end[0] if end else "\n")]
        place = last
    made = "".join([*parts, bare[place:]])
    if not _ends_line(bare) and (last_end := _ends_line(made)):
        made = made.removesuffix(last_end)
    return text[: len(text) - len(bare)] + made, tuple(applied)


def diff(path: str, before: str, after: str) -> str:
    """Return the unified diff that makes ``after`` of ``before``, as ``git apply`` takes it."""
    # git ends a name with a blank in it by a tab.
    end = "\t" if " " in path else ""
    lines = unified_diff(_lines(before), _lines(after), f"a/{path}{end}", f"b/{path}{end}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    """Return the lines as git has them, each with its end."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _span(edit: Edit, starts: list[int], size: int) -> tuple[int, int, str]:
    return (
        _offset(edit.line, edit.column, starts, size),
        _offset(edit.end_line, edit.end_column, starts, size),
        edit.text,
    )


def _offset(line: int, column: int, starts: list[int], size: int) -> int:
    if line > len(starts):
        return size
    return min(starts[line - 1] + column - 1, size)


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one[0] == other[0] or (one[0] < other[1] and other[0] < one[1])


def _ends_line(text: str) -> str:
    """Return the line end that ``text`` ends with, or nothing."""
    found = re.search(f"({_LINE_END.pattern})\\Z", text)
    return found[0] if found else ""
