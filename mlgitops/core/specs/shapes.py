"""What a spec may have where: looked up in the models, so that hints follow them by themselves."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from mlgitops.core.specs.base import Spec

Loc = tuple[str | int, ...]

_MAX_HOMES: Final = 2


def allowed_keys(model: type[Spec], loc: Loc) -> tuple[str, ...]:
    """Return the keys that the mapping at ``loc`` may have, in the order of the model."""
    names: dict[str, None] = {}
    for one in _at(model, loc):
        if _is_spec(one):
            names.update(dict.fromkeys(keys_of(one)))
    return tuple(names)


def choices(model: type[Spec], loc: Loc) -> tuple[str, ...]:
    """Return the words that may stand at ``loc``; none when it is not one of a few words."""
    found: dict[str, None] = {}
    for one in _at(model, loc):
        if get_origin(one) is Literal:
            found.update(dict.fromkeys(str(word) for word in get_args(one)))
    return tuple(found)


def keys_of(model: type[Spec]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the key that they are written as."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def homes(model: type[Spec], name: str) -> tuple[str, ...]:
    """Return where in the spec the key ``name`` belongs, in words."""
    found: dict[str, None] = {}
    if name in keys_of(model):
        found["at the top level"] = None
    for field, inner in _inner(model):
        if name in keys_of(inner):
            found[f"in {field!r}"] = None
    return tuple(found) if len(found) <= _MAX_HOMES else ()


def _inner(model: type[Spec]) -> Iterator[tuple[str, type[Spec]]]:
    """Yield (field, spec) for every spec below ``model``."""
    seen: set[type[Spec]] = {model}
    todo = [model]
    while todo:
        for name, field in keys_of(todo.pop()).items():
            waiting = [field.annotation]
            while waiting:
                for one in _members(waiting.pop()):
                    if _is_spec(one):
                        yield name, one
                        if one not in seen:
                            seen.add(one)
                            todo.append(one)
                    else:
                        waiting += [arg for arg in get_args(one) if _structured(one)]


def _at(model: type[Spec], loc: Loc) -> list[Any]:
    current: list[Any] = [model]
    for step in loc:
        below = [inner for one in current for inner in _below(one, step)]
        # The tag of a union's member is no key: it chooses among the members.
        current = below or [one for one in current if _tagged(one, step)] or current
    return current


def _below(one: Any, step: str | int) -> list[Any]:
    if _is_spec(one):
        field = keys_of(one).get(str(step))
        return [] if field is None else list(_members(field.annotation))
    origin, args = get_origin(one), get_args(one)
    if origin in (list, tuple) and isinstance(step, int):
        return list(_members(args[0]))
    if origin is dict and isinstance(step, str):
        return list(_members(args[1]))
    return []


def _members(annotation: Any) -> Iterator[Any]:
    """Yield what an annotation may be, without ``Annotated`` and unions around it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for one in get_args(annotation):
            yield from _members(one)
    else:
        yield annotation


def _tagged(one: Any, tag: str | int) -> bool:
    field = one.model_fields.get("type") if _is_spec(one) else None
    return field is not None and tag in get_args(field.annotation)


def _structured(one: Any) -> bool:
    return get_origin(one) in (list, dict, tuple)


def _is_spec(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, Spec)
