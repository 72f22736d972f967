"""JSON Schema (draft 2020-12) for the files that people write, made from the models that read them,
and for the document in a release's tag.

A schema accepts every document that the reader accepts, and refuses what the reader refuses as far
as JSON Schema can say it: names that have to resolve are for ``validate``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from mlgitops.core.drafts import kinds_of
from mlgitops.core.schemas.conditions import says
from mlgitops.core.schemas.generating import Generator
from mlgitops.core.schemas.released import release_properties
from mlgitops.core.schemas.wording import worded
from mlgitops.core.specs.base import API_VERSION, Spec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ANY: Final = "spec"
# A file may hold documents of several kinds: the schema is that of the file.
FILES: Final = {
    "project": "mlgitops.yaml",
    "pipeline": "pipelines/<name>/pipeline.yaml",
    "model": "pipelines/<name>/model.yaml",
    "contract": "pipelines/<name>/contracts/<data>.yaml",
    "snapshot": "pipelines/<name>/snapshots/<step>.yaml",
    "environment": "environments/<name>/environment.yaml",
    "pin": "environments/<name>/pins/<model>.yaml",
    "hold": "environments/<name>/holds/<model>.yaml",
}
# What the tool writes and others read: no file, but the message of a tag behind its first lines.
RELEASE: Final = "release"
Schema = dict[str, Any]


def schema(name: str) -> Schema:
    """Return the schema ``name``: one of ``FILES``, ``RELEASE``, or ``ANY`` for any kind of file.

    A document of such a file is one of the kinds that may stand there; one that does not say its
    kind is taken for the first of them. KeyError for another name.
    """
    if name == RELEASE:
        return {**_head(name), "title": "Release", **release_properties()}
    titles = [kind.__name__ for kind in kinds(name)]
    known = _definitions()
    used = sorted(_reached(known, titles))
    return {
        **_head(name),
        "title": " or ".join(titles),
        "description": f"{FILES.get(name, 'Any file')} of mlgitops.",
        "type": "object",
        **_dispatched(titles),
        "$defs": {one: known[one] for one in used},
    }


def _head(name: str) -> Schema:
    return {"$schema": DIALECT, "$id": f"urn:{API_VERSION.replace('/', ':')}:{name}"}


def schemas() -> dict[str, Schema]:
    """Return every schema by its name."""
    return {name: schema(name) for name in (*FILES, RELEASE, ANY)}


def kinds(name: str) -> tuple[type[Spec], ...]:
    """Return the kinds of document that may stand in the file ``name``."""
    if name == ANY:
        return tuple(dict.fromkeys(kind for one in FILES for kind in kinds(one)))
    return kinds_of(re.sub(r"<\w+>", "x", FILES[name]))


@cache
def _definitions() -> dict[str, Schema]:
    """Return the schema of every model, by its name."""
    _, made = models_json_schema(
        [(kind, "validation") for kind in kinds(ANY)], schema_generator=Generator
    )
    return worded(made["$defs"])


def _reached(known: dict[str, Schema], names: list[str]) -> set[str]:
    found, todo = set(names), list(names)
    while todo:
        for name in _named(known[todo.pop()]):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


def _named(value: object) -> Iterator[str]:
    """Yield the definitions that a schema refers to."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix("#/$defs/")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _named(item)


def _dispatched(kinds: list[str]) -> Schema:
    """Return what sends a document to the definition of its kind; without one, to the first."""
    first, *others = kinds
    if not others:
        return _definition(first)
    by_first = {"if": {"properties": {"kind": {"const": first}}}, "then": _definition(first)}
    by_kind = [{"if": says("kind", kind), "then": _definition(kind)} for kind in others]
    return {"properties": {"kind": {"enum": kinds}}, "allOf": [by_first, *by_kind]}


def _definition(kind: str) -> Schema:
    return {"$ref": f"#/$defs/{kind}"}
