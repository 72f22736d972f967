"""What YAML itself gets wrong or reads in two ways, said in words that a writer of specs knows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import yaml

from mlgitops.core.fixes import lines_of

_CONSTRUCTOR: Final = yaml.constructor.SafeConstructor()
_NUMBER_TO_OTHERS: Final = re.compile(r"([-+]?)(\d+)(?:\.(\d*))?[eE]([-+]?)(\d+)")
_QUOTED: Final = re.compile(r"""(?<=[\s,:\[{])(?:"[^"]*"|'[^']*')""")
_QUOTE: Final = re.compile(r"""(?<=[\s,:\[{])["']""")
_LARGEST: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A scalar that cannot be taken; no message when its tag is not one of plain values."""

    message: str = ""
    hint: str | None = None


def plain(kind: str, text: str) -> bool | int | float | Unusable | None:
    """Return the value of a scalar that YAML resolved to ``kind`` (null, bool, int or float)."""
    if kind == "null":
        return None
    node = yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", text)
    try:
        if kind == "bool":
            return _truth(node, text)
        if kind == "int":
            return _whole(node, text)
        if kind == "float":
            return _real(node, text)
    except (ValueError, IndexError, KeyError, OverflowError):
        return Unusable(
            message=f"{_short(text)!r} cannot be read as {kind}", hint="put it in quotes"
        )
    return Unusable()


def _truth(node: yaml.ScalarNode, text: str) -> bool | Unusable:
    value = bool(_CONSTRUCTOR.construct_yaml_bool(node))
    if text.lower() in ("true", "false"):
        return value
    return Unusable(
        message=f"{text} is {str(value).lower()} to one YAML reader and text to another",
        hint=f'write {str(value).lower()}, or "{text}" for the text',
    )


def _whole(node: yaml.ScalarNode, text: str) -> int | Unusable:
    digits = text.lstrip("+-")
    if ":" in text:
        return Unusable(
            message=f"{text} is a number in base 60 to YAML", hint=f'write "{text}" for the text'
        )
    if len(digits) > 1 and digits.startswith("0") and digits[1] not in "xbXB":
        return Unusable(
            message=f"{text} is an octal number to YAML",
            hint=f'write "{text}" for the text, or leave out the leading zero',
        )
    number = int(_CONSTRUCTOR.construct_yaml_int(node))
    if not -_LARGEST <= number < _LARGEST:
        return Unusable(
            message=f"{_short(text)} is too large for a whole number",
            hint="put it in quotes for the text",
        )
    return number


def _real(node: yaml.ScalarNode, text: str) -> float | Unusable:
    if ":" in text:
        return Unusable(
            message=f"{text} is a number in base 60 to YAML", hint=f'write "{text}" for the text'
        )
    number = float(_CONSTRUCTOR.construct_yaml_float(node))
    if math.isfinite(number):
        return number
    return Unusable(
        message=f"{_short(text)} is not a number that can be used",
        hint="write a finite number, or leave the key out",
    )


def number_trap(text: str) -> str | None:
    """Return how to write ``1e-3``: YAML 1.1 takes it for text, other readers for a number."""
    number = number_of(text)
    return None if number is None else f'write {number} for the number, or "{text}" for the text'


def number_of(text: str) -> str | None:
    """Return ``1.0e-3`` for ``1e-3``: what every reader takes for the number; else None."""
    match = _NUMBER_TO_OTHERS.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent_sign, exponent = match.groups()
    return f"{sign}{whole}.{fraction or 0}e{exponent_sign or '+'}{exponent}"


def syntax(
    error: yaml.MarkedYAMLError, source: str, brackets: list[tuple[int, int]]
) -> tuple[str, str | None, int, int]:
    """Return message, hint, line and column (from 1) of a syntax error.

    ``brackets``: where those stand that were not closed before it, the innermost one last.
    """
    problem, context = str(error.problem or ""), str(error.context or "")
    mark, opened = error.problem_mark or error.context_mark, error.context_mark
    place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = lines_of(source)
    line = lines[place[0] - 1] if place[0] <= len(lines) else ""
    before = line[: place[1]]
    if "\t" in before and not before.strip():
        return (
            "a tab is used for indentation",
            "indent with spaces",
            place[0],
            before.index("\t") + 1,
        )
    if opened is not None and "quoted scalar" in context and "escape" not in problem:
        place = (opened.line + 1, opened.column + 1)
        return ("this quote is not closed", "end the text with the same quote", *place)
    if opened is not None and "expected ':'" in problem and not brackets:
        place = (opened.line + 1, opened.column + 1)
    if brackets and not any(words in problem for words in ("any token", "mapping values")):
        quote = _open_quote("".join(lines[brackets[-1][0] - 1 : brackets[-1][0]]))
        if quote is not None and place[0] > brackets[-1][0]:
            message, hint = "this quote is not closed", "end the text with the same quote"
            return (message, hint, brackets[-1][0], quote + 1)
        place = brackets[-1]
        bracket = "".join(lines[place[0] - 1 : place[0]])[place[1] - 1 : place[1]]
        message = f"this {bracket!r} is not closed, or a ',' is missing after it"
        hint = f"end it with {']' if bracket == '[' else '}'!r}, with ',' between the values"
        return (message, hint, *place)
    return (*_known(problem, context, line[place[1] - 1 : place[1]]), *place)


def _open_quote(line: str) -> int | None:
    """Return the index of a quote that begins a text and is not closed on its line."""
    closed = _QUOTED.sub(lambda found: "x" * len(found[0]), line)
    found = _QUOTE.search(closed.split(" #")[0])
    return None if found is None else found.start()


def character(error: yaml.reader.ReaderError, source: str) -> tuple[str, str | None, int, int]:
    """Return message, hint, line and column of a character that YAML does not allow."""
    # libyaml counts bytes, PyYAML's own reader characters: look for the character itself.
    code = error.character if isinstance(error.character, int) else ord(error.character)
    place = max(source.find(chr(code)), 0)
    before = lines_of(source[:place])
    line, column = len(before) - 1, len(before[-1])
    message = f"the control character U+{code:04X} may not stand in YAML"
    return (message, "delete it; most editors do not show it", line + 1, column + 1)


def _known(problem: str, context: str, character: str) -> tuple[str, str | None]:
    indentation = "do all keys of one level start in the same column?"
    if "cannot start any token" in problem:
        return f"a value cannot start with {character!r}", "put the value in quotes"
    if "mapping values are not allowed" in problem:
        return "a ':' is not expected here", "put text with ': ' in quotes; " + indentation
    if "expected ':'" in problem:
        return "a ':' is missing after this key", "write it as 'key: value'"
    if "'-' indicator" in problem or "block sequence" in context:
        return "a list item ('- …') is expected here", "do all '-' start in the same column?"
    if "expected key" in problem or "block mapping" in context:
        return "a key is expected here", indentation
    if "document start" in problem:
        return "the document has ended before this", indentation + " another one starts with '---'"
    if "escape" in problem:
        return "this escape is not known in double quotes", "use single quotes, or write \\\\"
    return f"not YAML: {' '.join((context, problem)).strip()}", None


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
