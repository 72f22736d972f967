"""From a YAML document to a spec, or to the findings that say what is wrong with it and where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.marks import Mark
from mlgitops.core.sources import Document, Keys
from mlgitops.core.specs.base import API_VERSION, Located, Spec, Wrong
from mlgitops.core.specs.checking import MAX_TOLD, fits, models, problems_of, said_once, walk
from mlgitops.core.specs.complaints import Complaint, complaint
from mlgitops.core.specs.meanings import as_meant
from mlgitops.core.specs.repairs import fix_of, header_fix, may_be_fixed, with_fix
from mlgitops.core.specs.shapes import allowed_keys, choices, homes
from mlgitops.core.specs.yaml_problems import without_told

S = TypeVar("S", bound=Spec)

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
    [model] = models(document, kinds)
    return _fields(document, model, frozenset(problem.at for problem in told))


def meant_by(document: Document, kinds: tuple[type[Spec], ...]) -> Located[Spec] | None:
    """Return what ``document`` would be with the fixes of its findings; None when in doubt."""
    for model in models(document, kinds):
        meant = as_meant(document, model)
        if meant is not None and _wrong_header(meant, kinds) is None:
            return Located(spec=model.model_validate(meant.value), document=meant)
    return None


def _fields(
    document: Document, model: type[S], told: frozenset[Mark | None] = frozenset()
) -> Located[S] | tuple[Finding, ...]:
    try:
        return Located(spec=model.model_validate(document.value), document=document)
    except ValidationError as error:
        every = said_once(model, error.errors(include_url=False))
    problems = without_told(document, every, told) if told else every
    found = (
        *(_finding(document, model, problem) for problem in problems[:MAX_TOLD]),
        *(_counted(document, problem) for problem in problems[MAX_TOLD:]),
    )
    if not may_be_fixed(document, len(problems)):
        return found
    keys = (walk(document.value, problem["loc"])[0] for problem in problems)
    return tuple(
        with_fix(finding, fix_of(document, model, problem, at, problems_of, len(every)))
        for finding, problem, at in zip(found, problems, keys, strict=True)
    )


def _counted(document: Document, problem: ErrorDetails) -> Finding:
    """Return a finding that nobody will read: it is one of thousands."""
    return Finding(rule="value", message=problem["msg"], at=document.mark(*problem["loc"]))


def _wrong_header(document: Document, kinds: tuple[type[Spec], ...]) -> Finding | None:
    value, names = document.value, tuple(kind.__name__ for kind in kinds)
    if not isinstance(value, dict):
        message = f"kind {' or '.join(names)} is a mapping of keys to values"
        hint = f"start with 'apiVersion: {API_VERSION}'"
        return Finding(rule="type", message=message, hint=hint, at=document.mark())
    wrong = _wrong_version(document, value) or _wrong_kind(document, value, names)
    return None if wrong is None else replace(wrong, fix=header_fix(document, kinds, fits))


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
    keys, value = walk(document.value, problem["loc"])
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
