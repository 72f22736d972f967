"""YAML with positions: every value that a person wrote knows its ``path:line:column``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

from mlgitops.core.composing import Composer, Key, Keys, Places, mark
from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.fixes import lines_of
from mlgitops.core.marks import Mark

__all__ = ["Document", "Key", "Keys", "Mark", "Reading", "leaves", "parse", "read"]

MAX_BYTES: Final = 1_000_000
# The library looks each one up among all before it.
MAX_DIRECTIVES: Final = 100
_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document: its plain value, and where each part of it stands.

    ``places`` maps a path of keys and indices to (span of the key, span of the value). ``text`` is
    the whole file.
    """

    path: str
    value: JSON
    places: Places
    text: str = field(default="", repr=False)

    def mark(self, *keys: Key) -> Mark:
        """Return where the value at ``keys`` stands, or its nearest parent that exists."""
        return self._nearest(keys, 1)

    def mark_key(self, *keys: Key) -> Mark:
        """Return where the *key* at ``keys`` stands, or the nearest parent's that exists."""
        return self._nearest(keys, 0)

    def written(self, at: Mark) -> str:
        """Return what stands at ``at`` as it is written: with its quotes, anchor and tag."""
        return self.line(at.line)[at.column - 1 : at.column - 1 + at.length]

    def line(self, number: int) -> str:
        """Return one line of the file, from 1; nothing after the last one."""
        lines = lines_of(self.text)
        return lines[number - 1] if number <= len(lines) else ""

    def _nearest(self, keys: Keys, which: Literal[0, 1]) -> Mark:
        for end in range(len(keys), -1, -1):
            found = self.places.get(keys[:end])
            if found is not None:
                return mark(self.path, found[which])
        return Mark(path=self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The documents of one file, and all that is wrong with it as YAML.

    A value that cannot be used stands in its document as None. After a syntax error there are no
    documents.
    """

    documents: tuple[Document, ...]
    problems: tuple[SpecError, ...]


def parse(text: bytes | str, path: str) -> tuple[Document, ...]:
    """Return the documents of one YAML file; SpecError for the first of what ``read`` finds."""
    reading = read(text, path)
    if reading.problems:
        raise reading.problems[0]
    return reading.documents


def read(text: bytes | str, path: str) -> Reading:
    """Read one YAML file with everything that is wrong with it.

    Problems are: bytes that are not UTF-8, a file over 1 MB, a syntax error, a tab used for
    indentation, a key given twice, aliases that grow without bound, too many levels, NaN or
    infinity, a key that is no text, a tag that asks for code, and what one YAML version reads as
    text and the other as a number or a truth value.
    """
    composer = Composer(path)
    try:
        decoded = _decode(text, path)
        _few_directives(decoded, path)
        found = list(composer.documents(decoded))
    except SpecError as error:
        return Reading(documents=(), problems=(*composer.problems, error))
    return Reading(
        documents=tuple(
            Document(path=path, value=value, places=at, text=decoded) for value, at in found
        ),
        problems=tuple(composer.problems),
    )


def _decode(text: bytes | str, path: str) -> str:
    if len(text) > MAX_BYTES:
        # How many more is not known: who reads a tree stops one byte after the limit.
        raise SpecError(
            f"the file has more than {MAX_BYTES:,} bytes",
            hint="data belongs in a source, not in YAML",
            at=Mark(path=path),
        )
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        column = error.start - (text.rfind(b"\n", 0, error.start) + 1) + 1
        raise SpecError(
            "the file is not UTF-8 text",
            hint="save it as UTF-8",
            at=Mark(path=path, line=line, column=column),
        ) from None


def _few_directives(text: str, path: str) -> None:
    if text.count("\n%") < MAX_DIRECTIVES:
        return
    found = next(islice(_DIRECTIVE.finditer(text), MAX_DIRECTIVES, None), None)
    if found is not None:
        raise SpecError(
            f"more than {MAX_DIRECTIVES} lines start with '%'",
            hint="a spec needs no directives of YAML; put the text in quotes",
            at=Mark(path=path, line=len(lines_of(text[: found.start()]))),
        )


def leaves(value: JSON, keys: Keys = ()) -> Iterator[tuple[Keys, JSON]]:
    """Yield every scalar of ``value`` with its path of keys and indices."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*keys, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*keys, index))
    else:
        yield keys, value
