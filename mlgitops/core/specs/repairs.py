"""What is certainly meant by a value that does not fit: the fixes of what reading finds.

A fix is proposed from what is written, and kept when the document has fewer problems with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from pydantic_core import ErrorDetails

from mlgitops.core import wording
from mlgitops.core.digests import JSON
from mlgitops.core.findings import Finding
from mlgitops.core.fixes import Fix
from mlgitops.core.rewriting import (
    bare,
    found_at,
    is_plain,
    is_quoted,
    replaced,
    spelt,
    with_header,
    without_item,
    written_as,
)
from mlgitops.core.sources import Document, Keys
from mlgitops.core.specs.base import API_VERSION, Spec
from mlgitops.core.specs.complaints import words_of
from mlgitops.core.specs.shapes import allowed_keys
from mlgitops.core.spelling import word_meant

# (kind of spec, value of a document) -> what is wrong with it.
Check: TypeAlias = Callable[[type[Spec], JSON], list[ErrorDetails]]
Fits: TypeAlias = Callable[[type[Spec], JSON], bool]

_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_REAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?")
_TRUTH: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# To look for a fix is to read the document once more: so many fixes, so many characters.
MAX_FIXES: Final = 50
MAX_READ: Final = 2_000_000
# The tool writes them: a wrong guess would run another model, or be other data.
WRITTEN_BY_TOOL: Final = frozenset({"Pin", "Hold", "Snapshot"})
# One word: what holds a blank or a comma may be meant as several.
_WORD: Final = re.compile(r"[^\s,\[\]{}]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A fix, and the value that the document has with it."""

    fix: Fix | None
    value: JSON


def fix_of(
    document: Document,
    model: type[Spec],
    problem: ErrorDetails,
    keys: Keys,
    check: Check,
    before: int,
) -> Fix | None:
    """Return the fix of ``problem`` at ``keys``, if it leaves fewer than ``before`` problems."""
    if model.__name__ in WRITTEN_BY_TOOL:
        return None
    for proposal in proposals(document, model, problem, keys):
        if proposal.fix is not None and len(check(model, proposal.value)) < before:
            return proposal.fix
    return None


def may_be_fixed(document: Document, problems: int) -> bool:
    """Return whether to look for fixes: each of them reads the document once more."""
    return problems <= MAX_FIXES and problems * len(document.text) <= MAX_READ


def with_fix(finding: Finding, fix: Fix | None) -> Finding:
    """Return the finding with its fix; its hint says what the fix does."""
    if fix is None:
        return finding
    guess = finding.hint is not None and finding.hint.startswith("did you mean")
    return replace(finding, fix=fix, hint=finding.hint if guess else fix.title)


def header_fix(document: Document, kinds: tuple[type[Spec], ...], fits: Fits) -> Fix | None:
    """Return the fix of a wrong or missing ``apiVersion`` or ``kind``.

    Only where the rest of the document is as it should be: nothing else says what is meant.
    """
    value = document.value
    if not isinstance(value, dict) or any(kind.__name__ in WRITTEN_BY_TOOL for kind in kinds):
        return None
    version, kind = value.get("apiVersion"), value.get("kind")
    named = word_meant(str(kind), [one.__name__ for one in kinds]) or kind
    fitting = [
        one
        for one in kinds
        if named in (None, one.__name__)
        and fits(one, {**value, "apiVersion": API_VERSION, "kind": one.__name__})
    ]
    if len(fitting) != 1:
        return None
    if "apiVersion" not in value:
        return with_header(document, "apiVersion", API_VERSION)
    if version != API_VERSION:
        if not isinstance(version, str) or word_meant(version, [API_VERSION]) is None:
            return None
        return spelt(document, document.mark("apiVersion"), version, API_VERSION)
    if kind is None:
        return with_header(document, "kind", fitting[0].__name__) if "kind" not in value else None
    return spelt(document, document.mark("kind"), str(kind), fitting[0].__name__)


def trap_fix(document: Document, model: type[Spec], keys: Keys, check: Check) -> Fix | None:
    """Return the fix of what YAML reads in two ways (``no``, ``012``, ``1e-3``) at ``keys``.

    Certain where the key takes one of the readings alone: text, a number, or true and false.
    """
    if model.__name__ in WRITTEN_BY_TOOL:
        return None
    token = document.written(document.mark(*keys))
    fitting = [
        (written, value)
        for written, value in _readings(token)
        if not _wrong_at(check(model, replaced(document.value, keys, value)), keys)
    ]
    if len(fitting) != 1 or not fitting[0][0]:
        return None
    written = fitting[0][0]
    return written_as(document, keys, written, f"write {written}")


def _wrong_at(problems: list[ErrorDetails], keys: Keys) -> bool:
    """Return whether one of ``problems`` is about the value at ``keys``, or about a part of it."""
    return any(_without_tags(problem["loc"], keys)[: len(keys)] == keys for problem in problems)


def _without_tags(loc: Keys, keys: Keys) -> Keys:
    """Return ``loc`` without the names of a union's members, as far as ``keys`` tells."""
    kept: list[str | int] = []
    for step in loc:
        if len(kept) >= len(keys) or step == keys[len(kept)]:
            kept.append(step)
    return tuple(kept)


def _readings(token: str) -> Iterator[tuple[str, JSON]]:
    """Yield each way to read ``token``: what to write for it, and its value.

    Nothing to write: a number is meant, and nobody knows which one (``012`` is 12, or 10).
    """
    if token.lower() in _TRUTH:
        truth = _TRUTH[token.lower()]
        yield str(truth).lower(), truth
    elif (number := wording.number_of(token)) is not None:
        yield number, float(number)
    elif re.fullmatch(r"[-+]?[0-9][0-9_:.]*", token):
        yield "", 1
        yield "", 1.5
    else:
        return
    yield f'"{token}"', token


def proposals(
    document: Document, model: type[Spec], problem: ErrorDetails, keys: Keys
) -> Iterator[Proposal]:
    """Yield what may be meant by the value at ``keys``, which ``problem`` is about."""
    kind = problem["type"]
    if kind == "union_tag_invalid":
        keys = (*keys, "type")
    value = found_at(document.value, keys)
    if kind == "extra_forbidden":
        yield from _key(document, model, problem, keys)
    elif kind in ("literal_error", "union_tag_invalid") and isinstance(value, str):
        meant = word_meant(value, words_of(problem))
        if meant is not None:
            fix = spelt(document, document.mark(*keys), value, meant)
            yield Proposal(fix=fix, value=replaced(document.value, keys, meant))
    elif kind == "value_error":
        yield from _repeated(document, keys, value)
    elif not isinstance(value, dict | list | None):
        yield from _scalar(document, kind, keys, value)


def _key(
    document: Document, model: type[Spec], problem: ErrorDetails, keys: Keys
) -> Iterator[Proposal]:
    name, known = str(problem["loc"][-1]), allowed_keys(model, problem["loc"][:-1])
    meant = word_meant(name, known)
    parent = found_at(document.value, keys[:-1])
    if meant is None or not isinstance(parent, dict) or meant in parent:
        return
    if any(other != name and word_meant(other, known) == meant for other in parent):
        return
    renamed: JSON = {meant if key == name else key: value for key, value in parent.items()}
    fix = spelt(document, document.mark_key(*keys), name, meant)
    yield Proposal(fix=fix, value=replaced(document.value, keys[:-1], renamed))


def _repeated(document: Document, keys: Keys, items: JSON) -> Iterator[Proposal]:
    """Propose to delete the first item of a list that was there before."""
    if not isinstance(items, list):
        return
    for index, item in enumerate(items):
        if isinstance(item, str) and item in items[:index]:
            fix = without_item(document, (*keys, index))
            fewer: JSON = [*items[:index], *items[index + 1 :]]
            yield Proposal(fix=fix, value=replaced(document.value, keys, fewer))
            return


def _scalar(
    document: Document, kind: str, keys: Keys, value: bool | float | str
) -> Iterator[Proposal]:
    text, quoted = bare(document, keys), is_quoted(document, keys)
    if text is None:
        return

    def proposal(written: str, new: JSON, title: str) -> Proposal:
        fix = written_as(document, keys, written, title)
        return Proposal(fix=fix, value=replaced(document.value, keys, new))

    if kind == "string_type" and not isinstance(value, str):
        yield proposal(f'"{text}"', text, f'put it in quotes: "{text}"')
    elif isinstance(value, float) and re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,8})\.0+", text):
        whole = text.partition(".")[0]
        yield proposal(whole, int(whole), f"write {whole}")
    elif kind in ("int_type", "float_type") and quoted:
        number = wording.number_of(text) or text
        if _WHOLE.fullmatch(number):
            yield proposal(number, int(number), f"write it without quotes: {number}")
        elif _REAL.fullmatch(number):
            yield proposal(number, float(number), f"write it without quotes: {number}")
    elif kind == "bool_type" and quoted and text.lower() in _TRUTH:
        truth = _TRUTH[text.lower()]
        yield proposal(str(truth).lower(), truth, f"write {str(truth).lower()}")
    elif kind in ("list_type", "tuple_type") and _WORD.fullmatch(text):
        token = document.written(document.mark(*keys))
        if quoted or not isinstance(value, str) or is_plain(token):
            yield proposal(f"[{token}]", [value], f"write it as a list: [{token}]")
