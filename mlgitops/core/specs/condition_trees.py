"""What a condition says, as a tree; ``conditions`` reads it from text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlgitops.core.digests import JSON

Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
Span: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """``params.name``: a parameter of the pipeline. ``at``: its start and length in the text."""

    name: str
    at: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``step.output.key``: a value in a JSON output of another step."""

    step: str
    output: str
    keys: tuple[str, ...]
    at: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A number, text, true, false or null; or a list of them, after ``in``."""

    value: JSON
    at: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """Two values and how they have to stand to each other."""

    left: Value
    operator: Operator
    right: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Whether a value is one of a list."""

    value: Value
    of: Constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The contrary."""

    inner: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """At least one part holds."""

    parts: tuple[Condition, ...]


Value: TypeAlias = "Param | Result | Constant"
Condition: TypeAlias = "Param | Result | Compare | Member | Not | All | Some"


def references(condition: Condition) -> Iterator[Param | Result]:
    """Yield every param and every output that a condition names, in the order of the text."""
    match condition:
        case Param() | Result():
            yield condition
        case Compare(left=left, right=right):
            for value in (left, right):
                if not isinstance(value, Constant):
                    yield value
        case Member(value=value):
            if not isinstance(value, Constant):
                yield value
        case Not(inner=inner):
            yield from references(inner)
        case All(parts=parts) | Some(parts=parts):
            for part in parts:
                yield from references(part)


def json_text(value: JSON) -> str:
    """Return a constant as it is written in a condition."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return str(value)
