"""Which word was certainly meant. Stricter than a did-you-mean: ``validate --fix`` writes it.

Certain is one candidate, and only one, that differs from what was written by case and ``-`` or
``_`` alone, or by one slip of the hand: a letter too many, too few or wrong, or two neighbours
swapped. A digit is never a slip (``rows_v1`` is not ``rows_v2``), and neither is a letter of a
short word: ``eu`` is not ``us``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from mlgitops.core.budgets import spend

_LETTERS: Final = 5
_LETTERS_TO_SWAP: Final = 4
_APART: Final = re.compile(r"[-_. ]")


def word_meant(word: str, known: Iterable[str]) -> str | None:
    """Return the one of our own words (keys, formats, types) that ``word`` certainly means."""
    return _meant(word, known, whole=True)


def name_meant(word: str, known: Iterable[str]) -> str | None:
    """Return the one of names that users chose that ``word`` certainly means.

    Users choose names that differ in one part (``churn-a``, ``churn-b``): the part with the slip
    alone has to be long enough.
    """
    return _meant(word, known, whole=False)


def _meant(word: str, known: Iterable[str], *, whole: bool) -> str | None:
    if not spend(len(word)):
        return None
    names = [name for name in dict.fromkeys(known) if name != word]
    if not spend(4 * len(names)):
        return None
    same = [name for name in names if _folded(name) == _folded(word)]
    near = same or [name for name in names if _slip(word.lower(), name.lower(), whole=whole)]
    return near[0] if len(near) == 1 else None


def _folded(word: str) -> str:
    return _APART.sub("", word.lower())


def _slip(word: str, name: str, *, whole: bool) -> bool:
    """Return whether ``word`` is ``name`` with one slip that is beyond doubt."""
    if abs(len(word) - len(name)) > 1:
        return False
    start = _common(word, name)
    end = _common(word[start:][::-1], name[start:][::-1])
    written, meant = word[start : len(word) - end], name[start : len(name) - end]
    swapped = len(meant) == 2 and written == meant[::-1]
    if not swapped and max(len(written), len(meant)) > 1:
        return False
    if re.search("[0-9]", written + meant):
        return False
    least = _LETTERS_TO_SWAP if swapped else _LETTERS
    if whole:
        return max(len(word), len(name)) >= least
    return min(_part(word, start, written), _part(name, start, meant)) >= least


def _common(one: str, other: str) -> int:
    """Return how many characters the two start with in common."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _part(word: str, start: int, changed: str) -> int:
    """Return the length of the part of ``word`` between separators that holds the change."""
    before, after = word[:start], word[start + len(changed) :]
    return len(_APART.split(before)[-1]) + len(changed) + len(_APART.split(after)[0])
