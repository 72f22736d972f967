"""The language of ``when``: small, closed, and checked without running anything.

    condition  = and-part {"or" and-part}
    and-part   = not-part {"and" not-part}
    not-part   = ["not"] (comparison | "(" condition ")")
    comparison = value [("==" | "!=" | "<" | "<=" | ">" | ">=") value | ["not"] "in" list]
    value      = reference | number | text | true | false | null
    list       = "[" [value {"," value}] "]", without references
    reference  = "params." name | step "." output "." key {"." key}

A reference to a step's output names a value inside of a JSON output, such as a metric.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator

from mlgitops.core.digests import JSON
from mlgitops.core.specs.base import Wrong, shortened
from mlgitops.core.specs.condition_trees import (
    All,
    Compare,
    Condition,
    Constant,
    Member,
    Not,
    Operator,
    Param,
    Result,
    Some,
    Span,
    Value,
    json_text,
    references,
)

__all__ = [
    "All",
    "Compare",
    "Condition",
    "ConditionText",
    "Constant",
    "Member",
    "Not",
    "Param",
    "Result",
    "Some",
    "parse_condition",
    "references",
]

MAX_LENGTH: Final = 500
MAX_LEVELS: Final = 20

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]))
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<digits>\.?\d[\w.]*)
      | (?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)
      | (?P<odd>===|<>)
      | (?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|,)
      | (?P<other>&&|\|\||\$?\{\{?|\}\}?|\S)""",
    re.VERBOSE,
)
_CONSTANTS: Final[dict[str, JSON]] = {"true": True, "false": False, "null": None}
_WORDS: Final = ("and", "or", "not", "in")
_WANTED: Final = {
    "a value": 'write a value, such as params.mode, 0.8 or "full"',
    "a list": 'write a list, as in ["a", "b"]',
    "',' or ']'": "separate the values by ','",
    "')'": "close the bracket",
    "'in'": "write 'not in', or put 'not' before the comparison",
    "'and' or 'or'": "join two parts with 'and' or 'or'",
}
_SUCH: Final = 'write a condition such as params.mode == "full" and train.report.rows > 100'
_HINTS: Final = {
    "&&": "write 'and'",
    "&": "write 'and'",
    "||": "write 'or'",
    "|": "write 'or'",
    "!": "write 'not', or '!=' between two values",
    "=": "write '=='",
    "===": "write '=='",
    "is": "write '=='",
    "<>": "write '!='",
    "[": "a list comes after 'in'",
    '"': "end the text with the same quote",
    "'": "end the text with the same quote",
    **dict.fromkeys("+-*/%", "there is no arithmetic: compute it in a step, and name its output"),
    **dict.fromkeys(("{", "{{", "${", "${{", "}", "}}"), "write params.name without braces"),
}


def parse_condition(text: str) -> Condition:
    """Return what ``text`` says; Wrong, with the place of the offending part."""
    if len(text) > MAX_LENGTH:
        raise Wrong(
            f"the condition has {len(text):,} characters; it may have {MAX_LENGTH}",
            "decide in a step, and compare its output",
        )
    parser = _Parser(text)
    found = parser.condition()
    parser.end()
    if next(references(found), None) is None:
        raise Wrong(
            f"{shortened(text)} is always the same: it names no param and no output",
            "write params.name or step.output.key",
        )
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: Span


class _Parser:
    """Reads one condition from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = [
            _Token(str(match.lastgroup), match[0], (match.start(), len(match[0])))
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "space"
        ]
        self._tokens.append(_Token("end", "", (max(len(text.rstrip()) - 1, 0), 1)))
        self._next = 0
        self._level = 0

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def _word(self, *words: str) -> bool:
        """Take the next token if it is one of ``words``."""
        if self._token.kind in ("name", "sign") and self._token.text in words:
            self._next += 1
            return True
        return False

    def end(self) -> None:
        """Refuse what is left."""
        if self._token.kind != "end":
            raise self._unexpected("'and' or 'or'")

    def condition(self) -> Condition:
        parts = [self._all()]
        while self._word("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Some(parts=tuple(parts))

    def _all(self) -> Condition:
        parts = [self._not()]
        while self._word("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else All(parts=tuple(parts))

    def _not(self) -> Condition:
        self._level += 1
        if self._level > MAX_LEVELS:
            raise Wrong(
                f"nested too deeply: more than {MAX_LEVELS} levels",
                "decide in a step, and compare its output",
                span=self._token.at,
            )
        try:
            if self._word("not"):
                return Not(inner=self._not())
            if self._word("("):
                inner = self.condition()
                if not self._word(")"):
                    raise self._unexpected("')'")
                return inner
            return self._comparison()
        finally:
            self._level -= 1

    def _comparison(self) -> Condition:
        left = self._value()
        sign = self._token
        if sign.kind == "sign" and sign.text in ("==", "!=", "<", "<=", ">", ">="):
            self._next += 1
            right = self._value()
            self._no_chain()
            return _compare(left, sign, right)
        negated = self._word("not")
        if self._word("in"):
            member = Member(value=left, of=self._list())
            return Not(inner=member) if negated else member
        if negated:
            raise self._unexpected("'in'")
        if isinstance(left, Constant):
            raise Wrong(
                f"{json_text(left.value)} alone is no condition",
                'compare it, as in params.mode == "full"',
                span=left.at,
            )
        return left

    def _no_chain(self) -> None:
        if self._token.text in ("==", "!=", "<", "<=", ">", ">="):
            raise Wrong(
                "two comparisons in a row",
                "join them with 'and': a < b and b < c",
                span=self._token.at,
            )

    def _list(self) -> Constant:
        start = self._token
        if not self._word("["):
            raise self._unexpected("a list")
        values: list[JSON] = []
        while not self._word("]"):
            value = self._value()
            if not isinstance(value, Constant):
                raise Wrong(
                    "a list holds numbers and texts, no references",
                    "compare each with '==' and 'or'",
                    span=value.at,
                )
            values.append(value.value)
            if not self._word(",") and self._token.text != "]":
                raise self._unexpected("',' or ']'")
        last = self._tokens[self._next - 1]
        if not values:
            raise Wrong("the list is empty: nothing is in it", "name its values", span=start.at)
        return Constant(value=values, at=(start.at[0], last.at[0] + 1 - start.at[0]))

    def _value(self) -> Value:
        token = self._token
        if token.kind == "number":
            self._next += 1
            number = float(token.text)
            whole = re.fullmatch(r"-?\d+", token.text) is not None
            return Constant(value=int(token.text) if whole else number, at=token.at)
        if token.kind == "text":
            self._next += 1
            return Constant(value=token.text[1:-1], at=token.at)
        if token.kind != "name" or token.text in _WORDS:
            raise self._unexpected("a value")
        self._next += 1
        if token.text in _CONSTANTS:
            return Constant(value=_CONSTANTS[token.text], at=token.at)
        return _reference(token, called=self._token.text == "(")

    def _unexpected(self, wanted: str) -> Wrong:
        token = self._token
        if token.kind == "end":
            if len(self._tokens) == 1:
                return Wrong("the condition is empty", _SUCH)
            return Wrong(
                f"the condition ends where {wanted} is expected", _WANTED[wanted], span=token.at
            )
        hint = _HINTS.get(token.text, _WANTED[wanted])
        if token.kind == "digits":
            return Wrong(
                f"{token.text!r} is not a number", "write it as 0.8 or 1000", span=token.at
            )
        if token.text in ("'", '"'):
            return Wrong("this quote is not closed", hint, span=token.at)
        if token.kind in ("odd", "other"):
            return Wrong(f"{token.text!r} means nothing in a condition", hint, span=token.at)
        return Wrong(f"{wanted} is expected here, not {token.text!r}", hint, span=token.at)


def _reference(token: _Token, *, called: bool) -> Param | Result:
    parts = token.text.split(".")
    if called:
        raise Wrong(
            f"there are no functions in a condition, and so no {token.text}()",
            "compute it in a step, and compare its output",
            span=token.at,
        )
    if parts[0] == "params" and len(parts) == 2:
        return Param(name=parts[1], at=token.at)
    if parts[0] == "params" or len(parts) < 3:
        raise Wrong(
            f"{token.text!r} is neither a param nor a value of an output",
            _meant(token.text),
            span=token.at,
        )
    return Result(step=parts[0], output=parts[1], keys=tuple(parts[2:]), at=token.at)


def _meant(text: str) -> str:
    parts = text.split(".")
    if text.lower() in ("true", "false", "none", "null"):
        return f"write {'null' if text.lower() == 'none' else text.lower()}"
    if parts[0].lower() in ("param", "params"):
        return f"write params.{parts[1]}" if len(parts) > 1 else "write params.name"
    if len(parts) == 1:
        return f'write params.{text}, or "{text}" for the text'
    return f"write {text}.key, with the key of a value in it"


def _compare(left: Value, sign: _Token, right: Value) -> Compare:
    for value in (left, right) if sign.text not in ("==", "!=") else ():
        if isinstance(value, Constant) and type(value.value) not in (int, float):
            raise Wrong(
                f"{sign.text!r} compares numbers, not {json_text(value.value)}",
                "write a number, or compare with '=='",
                span=value.at,
            )
    operator: Operator = sign.text  # type: ignore[assignment]
    return Compare(left=left, operator=operator, right=right)


def _readable(text: str) -> str:
    parse_condition(text)
    return text


ConditionText = Annotated[str, AfterValidator(_readable)]
