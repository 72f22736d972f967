"""Which keys of the models are read and not acted on yet, as an editor says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlgitops.core.unsupported import ALL, EACH, NotYet

Schema = dict[str, Any]
# The name of a model, and one of its keys.
Place = tuple[str, str]


def pending(known: Mapping[str, Schema]) -> dict[Place, str]:
    """Return what to add to the description of each such key of the definitions ``known``."""
    rows: dict[Place, list[NotYet]] = {}
    for row in ALL:
        for model, key in _places(known, row.kind, row.keys):
            # The `type` of one member of a union is one word, and may be none of these.
            shown = known[model]["properties"].get(key)
            word = shown and shown.get("const")
            if shown and (word is None or not row.values or word in row.values):
                rows.setdefault((model, key), []).append(row)
    return {place: _words(found) for place, found in rows.items()}


def _words(rows: list[NotYet]) -> str:
    """Return one sentence; what several kinds or values have in common is said once."""
    values = dict.fromkeys(value for row in rows for value in row.values)
    what = f" ({', '.join(f'`{value}`' for value in values)})" if values else ""
    so = "; ".join(dict.fromkeys(row.so for row in rows))
    return f"Not acted on yet{what}: {so}."


def _places(known: Mapping[str, Schema], model: str, keys: tuple[str, ...]) -> set[Place]:
    """Return where ``keys`` lead from ``model``; nowhere when they end in a value."""
    nodes = [(model, known[model])] if model in known else []
    found: set[Place] = set()
    for key in keys:
        found.clear()
        below: list[tuple[str, Schema]] = []
        for name, node in nodes:
            if key == EACH:
                inner = node.get("items") or node.get("additionalProperties")
            elif inner := node.get("properties", {}).get(key):
                found.add((name, key))
            if inner:
                below += _members(known, name, inner)
        nodes = below
    return found


def _members(known: Mapping[str, Schema], name: str, node: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield ``node`` and what it may be instead, each with the model that it belongs to."""
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        yield from _members(known, name, known[name])
        return
    yield name, node
    for choice in [*node.get("anyOf", ()), *(one.get("then", {}) for one in node.get("allOf", ()))]:
        yield from _members(known, name, choice)
