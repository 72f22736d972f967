"""Whether a condition holds, given the values that it names."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, assert_never

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.specs.condition_trees import (
    All,
    Compare,
    Condition,
    Constant,
    Member,
    Not,
    Param,
    Result,
    Some,
    Value,
)

Look: TypeAlias = Callable[[Param | Result], JSON]

_ORDER: Final[Mapping[str, Callable[[float | str, float | str], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(condition: Condition, look: Look) -> bool:
    """Return whether ``condition`` holds; ``look`` returns what a name stands for.

    Values of different kinds are never equal, and have no order: SpecError for ``<`` between them.
    """
    match condition:
        case Param() | Result():
            value = look(condition)
            if not isinstance(value, bool):
                raise SpecError(f"{named(condition)} is {_shown(value)}, neither true nor false")
            return value
        case Compare(left=left, operator=sign, right=right):
            return _compare(_value(left, look), sign, _value(right, look))
        case Member(value=value, of=Constant(value=values)):
            found = _value(value, look)
            return isinstance(values, list) and any(_equal(found, one) for one in values)
        case Not(inner=inner):
            return not holds(inner, look)
        case All(parts=parts):
            return all(holds(part, look) for part in parts)
        case Some(parts=parts):
            return any(holds(part, look) for part in parts)
        case _:
            assert_never(condition)


def inside(value: JSON, keys: tuple[str, ...], name: str) -> JSON:
    """Return what stands at ``keys`` inside of a JSON output; SpecError when nothing does."""
    for key in keys:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            has = f"it has {', '.join(list(value)[:10])}" if isinstance(value, dict) else None
            raise SpecError(f"{name} has no {key!r}", hint=has)
    return value


def named(reference: Param | Result) -> str:
    """Return a reference as it is written."""
    if isinstance(reference, Param):
        return f"params.{reference.name}"
    return ".".join((reference.step, reference.output, *reference.keys))


def _value(value: Value, look: Look) -> JSON:
    return value.value if isinstance(value, Constant) else look(value)


def _equal(left: JSON, right: JSON) -> bool:
    # In Python true is 1; in a condition it is not.
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _compare(left: JSON, sign: str, right: JSON) -> bool:
    if sign in ("==", "!="):
        return _equal(left, right) == (sign == "==")
    if isinstance(left, str) and isinstance(right, str):
        return _ORDER[sign](left, right)
    if _number(left) and _number(right):
        assert isinstance(left, int | float)
        assert isinstance(right, int | float)
        return _ORDER[sign](left, right)
    raise SpecError(f"{_shown(left)} {sign} {_shown(right)} compares what has no order")


def _number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: JSON) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
