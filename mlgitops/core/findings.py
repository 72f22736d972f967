"""Findings: what is wrong with what people wrote. Data, not exceptions; only the CLI stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final, Literal

from mlgitops.core.budgets import spend
from mlgitops.core.digests import JSON
from mlgitops.core.fixes import Fix
from mlgitops.core.marks import Mark

Severity = Literal["error", "warning", "unknown"]

# A file with the same mistake a thousand times would bury what else is wrong.
MAX_OF_A_KIND: Final = 100
_LONGEST: Final = 1000
_ALIKE: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem with its place, its reason and the next step.

    ``unknown`` is for what cannot be decided here (a pin whose tag was not fetched): it is shown
    and never fails a run, because a wrong "no" is as bad as a wrong "yes". ``related``: other
    places that belong to it, each with what is to be seen there ("the first one is here").
    ``fix``: what ``validate --fix`` writes, where no doubt is left (docs/validate.md).
    """

    rule: str
    message: str
    at: Mark
    hint: str | None = None
    severity: Severity = "error"
    related: tuple[tuple[Mark, str], ...] = ()
    fix: Fix | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON form of ``validate --format json``."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            **_place(self.at),
            "related": [{"message": message, **_place(at)} for at, message in self.related],
            "fix": None if self.fix is None else self.fix.to_json(),
        }


def _place(at: Mark) -> dict[str, JSON]:
    return {
        # A name that is not UTF-8 must not break the document.
        "path": at.path.encode("utf-8", "replace").decode(),
        "line": at.line,
        "column": at.column,
        "length": at.length,
    }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings by place, each one once, and of a rule in a file no more than the first.

    What is said is one line of what can be printed, whatever was written in the files.
    """
    unique = {(f.at.path, f.at.line, f.at.column, f.rule, f.message): f for f in findings}
    ordered = [unique[key] for key in sorted(unique)]
    counts: Counter[tuple[str, str, Severity]] = Counter()
    kept: list[Finding] = []
    more: list[int] = []
    for found in ordered:
        kind = (found.at.path, found.rule, found.severity)
        counts[kind] += 1
        if counts[kind] <= MAX_OF_A_KIND:
            kept.append(_said_well(found))
        elif counts[kind] == MAX_OF_A_KIND + 1:
            more.append(len(kept))
            kept.append(found)
    for place in more:
        found = kept[place]
        left = counts[found.at.path, found.rule, found.severity] - MAX_OF_A_KIND
        message, hint = f"and {left:,} more of this kind", "repair the first ones, then look again"
        kept[place] = replace(found, message=message, hint=hint, related=(), fix=None)
    return tuple(kept)


def _said_well(found: Finding) -> Finding:
    said = [found.message, found.hint or "", *(text for _, text in found.related)]
    if all(text.isprintable() and len(text) <= _LONGEST for text in said):
        return found
    return replace(
        found,
        message=_printed(found.message),
        hint=None if found.hint is None else _printed(found.hint),
        related=tuple((at, _printed(text)) for at, text in found.related),
    )


def _printed(text: str) -> str:
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean 'x'?`` when one of ``known`` is close to ``word``, else None."""
    found = closest(word, known)
    return None if found is None else f"did you mean {found!r}?"


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of ``known`` that is closest to ``word``, or None when none is close."""
    if not spend(len(word)):
        return None
    lower = {name.lower(): name for name in known}
    if not spend(len(lower)):
        return None
    given = word.lower()
    close = _alike(given, list(lower))
    if close is None and len(given) >= 3:
        # 'auc' for 'roc_auc': nobody doubts what is meant when only one name holds it.
        holding = [name for name in lower if given in name]
        close = holding[0] if len(holding) == 1 else None
    return None if close is None else lower[close]


def _alike(word: str, names: Sequence[str]) -> str | None:
    """Return what ``difflib.get_close_matches`` finds first, without comparing what cannot win."""
    best, found = _ALIKE, None
    matcher = SequenceMatcher()
    matcher.set_seq2(word)
    for name in names:
        matcher.set_seq1(name)
        if matcher.real_quick_ratio() < best:
            continue
        if not spend(len(name) // 4 + 4):
            return None
        if matcher.quick_ratio() < best:
            continue
        # The square of what both are long at worst, which a name of a spec hardly is.
        if not spend((len(name) + 4) * (len(word) + 4) // 8):
            return None
        ratio = matcher.ratio()
        if (ratio, name) > (best, found or ""):
            best, found = ratio, name
    return found
