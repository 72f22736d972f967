"""Findings: what is wrong with what people wrote. Data, not exceptions; only the CLI stops."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mlgitops.core.digests import JSON
from mlgitops.core.fixes import Fix
from mlgitops.core.marks import Mark

Severity = Literal["error", "warning", "unknown"]


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
    """Return the findings by place, each one once."""
    unique = {(f.at.path, f.at.line, f.at.column, f.rule, f.message): f for f in findings}
    return tuple(unique[key] for key in sorted(unique))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean 'x'?`` when one of ``known`` is close to ``word``, else None."""
    found = closest(word, known)
    return None if found is None else f"did you mean {found!r}?"


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of ``known`` that is closest to ``word``, or None when none is close."""
    lower = {name.lower(): name for name in known}
    given = word.lower()
    close = difflib.get_close_matches(given, lower, n=1, cutoff=0.6)
    if not close and len(given) >= 3:
        # 'auc' for 'roc_auc': nobody doubts what is meant when only one name holds it.
        close = [name for name in lower if given in name]
    return lower[close[0]] if len(close) == 1 else None
