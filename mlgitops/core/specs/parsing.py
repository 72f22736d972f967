"""From a YAML document to a spec, or to the findings that say what is wrong with it and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.findings import Finding, closest, did_you_mean
from mlgitops.core.fixes import Fix
from mlgitops.core.marks import Mark
from mlgitops.core.rewriting import without_repetition
from mlgitops.core.sources import Document, Keys, Reading, leaves
from mlgitops.core.specs.base import API_VERSION, Located, Spec, Wrong
from mlgitops.core.specs.complaints import Complaint, complaint
from mlgitops.core.specs.repairs import WRITTEN_BY_TOOL, fix_of, header_fix, trap_fix
from mlgitops.core.specs.shapes import allowed_keys, choices, homes

S = TypeVar("S", bound=Spec)

# So many problems of a document are told in words.
MAX_TOLD: Final = 200
# To look for a fix is to read the document once more: so many fixes, so many characters.
MAX_FIXES: Final = 50
MAX_READ: Final = 2_000_000

_API: Final = re.compile(r"mlgitops/v([1-9][0-9]*)")


def read_spec(document: Document, model: type[S]) -> Located[S] | tuple[Finding, ...]:
    """Return ``document`` as ``model``, or every finding about it.

    ``apiVersion`` comes first and ``kind`` next: a file for a newer mlgitops, or of another kind,
    gives one finding and not one for each key.
    """
    wrong = _wrong_header(document, (model,))
    return (wrong,) if wrong is not None else _fields(document, model)


def read_one_of(
    document: Document, kinds: tuple[type[Spec], ...], told: Iterable[SpecError] = ()
) -> Located[Spec] | tuple[Finding, ...]:
    """Return ``document`` as the one of ``kinds`` that it says it is, or every finding about it.

    ``told``: what is wrong with it as YAML. A value that YAML could not give is not said twice.
    """
    wrong = _wrong_header(document, kinds)
    if wrong is not None:
        # A key that YAML could not read may be the one that is missed.
        return (replace(wrong, fix=None) if told else wrong,)
    [model] = _models(document, kinds)
    return _fields(document, model, frozenset(problem.at for problem in told))


def yaml_findings(reading: Reading, path: str, kinds: tuple[type[Spec], ...]) -> list[Finding]:
    """Return the findings about ``path`` as YAML, before anything is read as one of ``kinds``."""
    by_hand = not any(kind.__name__ in WRITTEN_BY_TOOL for kind in kinds)
    fixes = _yaml_fixes(reading, kinds) if reading.problems and by_hand else {}
    return [_of_problem(problem, path, fixes) for problem in reading.problems]


def _yaml_fixes(reading: Reading, kinds: tuple[type[Spec], ...]) -> dict[Mark, Fix]:
    """Return the fixes of keys that are given twice, and of values that YAML reads in two ways."""
    found: dict[Mark, Fix | None] = {}
    wanted = {one.at: one.first for one in reading.problems[:MAX_FIXES] if one.at is not None}
    for document in reading.documents:
        for at, first in wanted.items():
            if first is not None:
                found[at] = without_repetition(document, first, at)
        for model in _models(document, kinds):
            if not _may_be_fixed(document, 3 * len(_problems(model, document.value))):
                continue
            for keys, value in leaves(document.value):
                if value is None and (at := document.mark(*keys)) in wanted:
                    found[at] = trap_fix(document, model, keys, _problems)
    return {at: fix for at, fix in found.items() if fix is not None}


def _of_problem(problem: SpecError, path: str, fixes: Mapping[Mark, Fix]) -> Finding:
    at, first, hint = problem.at or Mark(path=path), problem.first, problem.hint
    finding = Finding(
        rule="yaml",
        message=problem.message,
        hint=hint if first is None else "delete one of the two",
        at=at,
        related=() if first is None else ((first, "the first one is here"),),
    )
    return _with(finding, fixes.get(at))


def _models(document: Document, kinds: tuple[type[Spec], ...]) -> tuple[type[Spec], ...]:
    value = document.value
    given = value.get("kind") if isinstance(value, dict) else None
    return tuple(kind for kind in kinds if kind.__name__ == given)


def _fields(
    document: Document, model: type[S], told: frozenset[Mark | None] = frozenset()
) -> Located[S] | tuple[Finding, ...]:
    try:
        return Located(spec=model.model_validate(document.value), document=document)
    except ValidationError as error:
        problems = _said_once(model, error.errors(include_url=False))
    if told:
        problems = _without_told(document, problems, told)
    found = (
        *(_finding(document, model, problem) for problem in problems[:MAX_TOLD]),
        *(_counted(document, problem) for problem in problems[MAX_TOLD:]),
    )
    if not _may_be_fixed(document, len(problems)):
        return found
    keys = (_walk(document.value, problem["loc"])[0] for problem in problems)
    return tuple(
        _with(finding, fix_of(document, model, problem, at, _problems, len(problems)))
        for finding, problem, at in zip(found, problems, keys, strict=True)
    )


def _without_told(
    document: Document, problems: list[ErrorDetails], told: frozenset[Mark | None]
) -> list[ErrorDetails]:
    """Leave out what is wrong only because YAML could not give a value: nobody knows it yet."""
    missing = {
        keys[:end]
        for keys, value in leaves(document.value)
        if value is None and document.mark(*keys) in told
        for end in range(1, len(keys) + 1)
    }

    def known(problem: ErrorDetails) -> bool:
        keys, value = _walk(document.value, problem["loc"])
        whole = problem["type"] != "value_error" and isinstance(value, dict | list)
        return whole or keys not in missing

    return [problem for problem in problems if known(problem)]


def _counted(document: Document, problem: ErrorDetails) -> Finding:
    """Return a finding that nobody will read: it is one of thousands."""
    return Finding(rule="value", message=problem["msg"], at=document.mark(*problem["loc"]))


def _may_be_fixed(document: Document, problems: int) -> bool:
    """Return whether to look for fixes: each of them reads the document once more."""
    return problems <= MAX_FIXES and problems * len(document.text) <= MAX_READ


def _with(finding: Finding, fix: Fix | None) -> Finding:
    if fix is None:
        return finding
    guess = finding.hint is not None and finding.hint.startswith("did you mean")
    return replace(finding, fix=fix, hint=finding.hint if guess else fix.title)


def _fits(model: type[Spec], value: JSON) -> bool:
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True


def _problems(model: type[Spec], value: JSON) -> list[ErrorDetails]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        return _said_once(model, error.errors(include_url=False))
    return []


def _said_once(model: type[Spec], problems: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out the missing keys that are there, but misspelt."""
    short = {problem["loc"][:-1] for problem in problems if problem["type"] == "missing"}
    unknown = (p["loc"] for p in problems if p["type"] == "extra_forbidden")
    meant = {
        (*loc[:-1], word)
        for loc in islice((loc for loc in unknown if loc[:-1] in short), MAX_TOLD)
        for word in [closest(str(loc[-1]), allowed_keys(model, loc[:-1]))]
    }
    return [p for p in problems if p["type"] != "missing" or p["loc"] not in meant]


def _wrong_header(document: Document, kinds: tuple[type[Spec], ...]) -> Finding | None:
    value, names = document.value, tuple(kind.__name__ for kind in kinds)
    if not isinstance(value, dict):
        message = f"kind {' or '.join(names)} is a mapping of keys to values"
        hint = f"start with 'apiVersion: {API_VERSION}'"
        return Finding(rule="type", message=message, hint=hint, at=document.mark())
    wrong = _wrong_version(document, value) or _wrong_kind(document, value, names)
    return None if wrong is None else replace(wrong, fix=header_fix(document, kinds, _fits))


def _wrong_version(document: Document, value: dict[str, JSON]) -> Finding | None:
    given = value.get("apiVersion")
    if given == API_VERSION:
        return None
    at, hint = document.mark("apiVersion"), f"write 'apiVersion: {API_VERSION}'"
    if "apiVersion" not in value:
        message = "'apiVersion' is missing"
        return Finding(rule="missing-key", message=message, hint=hint, at=_start(document))
    known = _API.fullmatch(given) if isinstance(given, str) else None
    if known is not None:
        message = f"this file needs a newer mlgitops: it is written for {given}"
        hint = f"this one reads {API_VERSION}; install a newer one"
    else:
        message = f"there is no apiVersion {given!r}"
    return Finding(rule="api-version", message=message, hint=hint, at=at)


def _wrong_kind(
    document: Document, value: dict[str, JSON], names: tuple[str, ...]
) -> Finding | None:
    given = value.get("kind")
    expected = " or ".join(names)
    if "kind" not in value:
        message, hint = "'kind' is missing", f"write 'kind: {names[0]}'"
        return Finding(rule="missing-key", message=message, hint=hint, at=_start(document))
    if given in names:
        return None
    message = f"the kind here is {expected}, not {given!r}"
    hint = did_you_mean(str(given), names) or f"write 'kind: {names[0]}', or move it to its place"
    return Finding(rule="kind", message=message, hint=hint, at=document.mark("kind"))


def _start(document: Document) -> Mark:
    """Return the first key: a document as a whole has no text to point at."""
    value = document.value
    first = next(iter(value), None) if isinstance(value, dict) else None
    return document.mark() if first is None else document.mark_key(first)


def _finding(document: Document, model: type[Spec], problem: ErrorDetails) -> Finding:
    keys, value = _walk(document.value, problem["loc"])
    span: tuple[int, int] | None = None
    match problem["type"]:
        case "extra_forbidden":
            return _unknown_key(document, model, problem["loc"], keys)
        case "missing" | "union_tag_not_found":
            return _missing_key(document, model, problem, keys)
        case "value_error" if isinstance(error := problem["ctx"]["error"], Wrong):
            told = Complaint(rule=error.rule, message=error.message, hint=error.hint)
            keys = (*keys, *error.keys)
            span = error.span
        case "union_tag_invalid":
            keys = (*keys, "type")
            told = complaint(problem, keys, problem["ctx"]["tag"])
        case _:
            told = complaint(problem, keys, value)
    on_key = problem["loc"][-1:] == ("[key]",) or (
        problem["type"] == "value_error" and isinstance(value, dict | list)
    )
    at = document.mark_key(*keys) if on_key else document.mark(*keys)
    if at.length == 1 and isinstance(value, dict | list):
        # A block has no length of its own; its key has.
        at = document.mark_key(*keys)
    if span is not None and isinstance(value, str):
        at = at.part(value, span[0], sum(span))
    return Finding(rule=told.rule, message=told.message, hint=told.hint, at=at)


def _walk(value: JSON, loc: tuple[str | int, ...]) -> tuple[Keys, JSON]:
    """Return the keys that ``loc`` takes in the document, and the value there.

    A location also names what no document has: the tag of a union's member, a key that is missing,
    the field of a short form (``parquet`` for ``{format: parquet}``).
    """
    keys: Keys = ()
    last = len(loc) - 1
    for index, step in enumerate(loc):
        if isinstance(value, dict) and step in value:
            if value.get("type") == step and index < last:
                continue  # the tag of a union's member
            value, keys = value[str(step)], (*keys, step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value, keys = value[step], (*keys, step)
    return keys, value


def _unknown_key(
    document: Document, model: type[Spec], loc: tuple[str | int, ...], keys: Keys
) -> Finding:
    name = str(loc[-1])
    known = allowed_keys(model, loc[:-1])
    hint = did_you_mean(name, known)
    if hint is None and (places := homes(model, name)):
        hint = f"{name!r} belongs {' or '.join(places)}"
    return Finding(
        rule="unknown-key",
        message=f"unknown key {name!r}{_inside(keys[:-1])}",
        hint=hint or f"known here: {', '.join(known)}",
        at=document.mark_key(*keys),
    )


def _missing_key(
    document: Document, model: type[Spec], problem: ErrorDetails, keys: Keys
) -> Finding:
    if problem["type"] == "missing":
        name = str(problem["loc"][-1])
        known = choices(model, problem["loc"])
    else:
        name = "type"
        known = choices(model, (*problem["loc"], "type"))
    hint = f"add '{name}: …'" if not known else f"add '{name}: {' | '.join(known)}'"
    at = document.mark_key(*keys) if keys else _start(document)
    return Finding(
        rule="missing-key", message=f"{name!r} is missing{_inside(keys)}", hint=hint, at=at
    )


def _inside(keys: Keys) -> str:
    names = [key for key in keys if isinstance(key, str)]
    if not names:
        return ""
    position = keys[-1]
    item = f"item {position + 1} of " if isinstance(position, int) else ""
    return f" in {item}'{names[-1]}'"
