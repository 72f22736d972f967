"""What the words of a command name: files and Python modules, as far as reading them tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from mlgitops.core.digests import JSON, canonical

_PARAM: Final = re.compile(r"\{params\.(\w+)\}")
# Where one word of a shell's text ends and the next begins.
_BETWEEN: Final = re.compile(r"[\s;&|()<>\"'`]+")
_BLANK: Final = re.compile(r"\s")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_LONGEST: Final = 1000


def filled(words: Sequence[str], params: Mapping[str, JSON]) -> tuple[str, ...]:
    """Return the words with the values of params; other placeholders stay as they are."""

    def value(match: re.Match[str]) -> str:
        found = params.get(match[1], match[0])
        return found if isinstance(found, str) else canonical(found).decode()

    return tuple(_PARAM.sub(value, word) if "{" in word else word for word in words)


def named(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield (name, whether it is a module) of what the words may name.

    Paths are relative, such as ``prep.sh`` of ``./prep.sh`` or ``--script=prep.sh``; the text given
    to a shell is looked into. Modules stand behind ``-m``.
    """
    seen = set()
    for word, before in zip(tokens := list(_tokens(words)), ["", *tokens], strict=False):
        if before == "-m" and _DOTTED.fullmatch(word):
            yield word, True
        for path in _paths(word):
            if path not in seen:
                seen.add(path)
                yield path, False


def _tokens(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if _BLANK.search(word):
            yield from filter(None, _BETWEEN.split(word))
        else:
            yield word


# Steps of one pipeline have most of their words in common.
@lru_cache(maxsize=4096)
def _paths(word: str) -> tuple[str, ...]:
    """Return the relative paths that one word may stand for."""
    found = []
    option, equals, value = word.partition("=")
    for text in (word, value) if equals and option else (word,):
        path = text.removeprefix("@")
        while path.startswith("./"):
            path = path[2:].lstrip("/")
        inside = path and path[0] not in "/~-" and not {"{", "$", "\0"} & set(path)
        if (
            inside
            and len(path) < _LONGEST
            and not {"", ".", ".."} & set(path.removesuffix("/").split("/"))
        ):
            found.append(path)
    return tuple(found)
