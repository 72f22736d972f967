"""The validation library's errors in our words: one sentence, and what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import ErrorDetails

from mlgitops.core.digests import JSON
from mlgitops.core.findings import did_you_mean
from mlgitops.core.sources import Keys
from mlgitops.core.specs.base import shortened

_WANTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "kind_of_input": "'step.output', or {file: path}",
    "kind_of_elements": "a list, 'params.name' or 'step.output'",
    "kind_of_notice": '{webhook: "${NAME}"}, or {command: [words]}',
    "kind_of_bound": "a number or a date",
    "kind_of_category": "text, a whole number, true or false",
}
_WRITTEN: Final = {
    "int_type": "write it in digits, as in 3",
    "int_from_float": "write it without a point, as in 3",
    "float_type": "write it in digits, as in 0.5",
    "list_type": "write it as [one, two], or begin each item with '- '",
    "tuple_type": "write it as [one, two], or begin each item with '- '",
    "dict_type": "write it as {key: value}",
    "model_type": "write it as {key: value}",
    "model_attributes_type": "write it as {key: value}",
    "kind_of_input": "name the step that makes it and its output, as in 'features.train'",
    "kind_of_elements": "write it as [a, b], or name what holds the list, as in params.regions",
    "kind_of_notice": 'write it as {webhook: "${CHAT_URL}"}',
    "kind_of_bound": "write it as 3, or as 2024-06-30",
    "kind_of_category": "write one value, as in 'red' or 3",
}
_LIMITS: Final = {
    "greater_than": ("more than {}", "gt", "write more than {}"),
    "greater_than_equal": ("at least {}", "ge", "write {} or more"),
    "less_than": ("less than {}", "lt", "write less than {}"),
    "less_than_equal": ("at most {}", "le", "write {} or less"),
}
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+][0-9]+)?")
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
_NUMBERS: Final = ("int_type", "int_from_float", "float_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What is wrong with one value, before it has a place."""

    rule: str
    message: str
    hint: str | None


def complaint(problem: ErrorDetails, keys: Keys, value: JSON) -> Complaint:
    """Return what ``problem`` says about the ``value`` at ``keys``."""
    kind, name = problem["type"], _name(keys)
    context: dict[str, Any] = problem.get("ctx") or {}
    if kind in _WANTED:
        message = f"{name} must be {_WANTED[kind]}, not {_given(value)}"
        return Complaint(rule="type", message=message, hint=_how(kind, value))
    if kind in ("literal_error", "union_tag_invalid"):
        return _choice(problem, name, value)
    if kind in _LIMITS:
        words, bound, hint = _LIMITS[kind]
        limit = f"{context[bound]:g}"
        message = f"{name} must be {words.format(limit)}, not {_given(value)}"
        return Complaint(rule="value", message=message, hint=hint.format(limit))
    if kind in ("too_short", "string_too_short"):
        hint = "give at least one" if kind == "too_short" else "write something, or delete it"
        return Complaint(rule="value", message=f"{name} is empty", hint=hint)
    if kind in ("too_long", "string_too_long"):
        message = f"{name} is too long: more than {context['max_length']}"
        return Complaint(rule="value", message=message, hint="say it in fewer")
    # Nothing is lost when the library learns a new error: its own words are shown.
    return Complaint(rule="value", message=f"{name}: {problem['msg']}", hint="see docs/files.md")


def words_of(problem: ErrorDetails) -> list[str]:
    """Return the words that may stand where ``problem`` is: a kind, a format, a type."""
    context: dict[str, Any] = problem.get("ctx") or {}
    listed = str(context.get("expected") or context.get("expected_tags"))
    return re.findall(r"'([^']*)'", listed) or [listed]


def _choice(problem: ErrorDetails, name: str, value: JSON) -> Complaint:
    known = words_of(problem)
    expected = known[0] if len(known) == 1 else f"{', '.join(known[:-1])} or {known[-1]}"
    if isinstance(value, str) and value in known:
        hint = f"write it without quotes: {value}"
    else:
        alone = f"write {expected}" if len(known) == 1 else "write one of them"
        hint = did_you_mean(str(value), known) or alone
    return Complaint(
        rule="value", message=f"{name} must be {expected}, not {_given(value)}", hint=hint
    )


def _is_word(value: JSON) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _name(keys: Keys) -> str:
    names = [key for key in keys if isinstance(key, str)]
    if not names:
        return "the document"
    last = keys[-1]
    return f"item {last + 1} of '{names[-1]}'" if isinstance(last, int) else f"'{last}'"


def _given(value: JSON) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shortened(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _how(kind: str, value: JSON) -> str | None:
    how = _WRITTEN.get(kind, f"write {_WANTED[kind]}")
    if value is None:
        return "give a value, or leave the key out"
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f'put it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    if kind in _NUMBERS and isinstance(value, str) and _NUMBER.fullmatch(value):
        return f"write it without quotes: {value}"
    if kind in ("list_type", "tuple_type") and isinstance(value, str) and value.isidentifier():
        return f"write it as a list: [{value}]"
    if kind == "float_type" and isinstance(value, str) and (share := _SHARE.fullmatch(value)):
        return f"write it as a share: {float(share[1]) / 100:g}"
    if isinstance(value, list) and kind == "string_type":
        return "write one value, without the brackets"
    if kind == "dict_type" and isinstance(value, list) and value and _is_word(value[0]):
        return f"write it as {{{value[0]}: …}}"
    if kind == "int_type" and isinstance(value, float):
        return _WRITTEN["int_from_float"]
    return how
