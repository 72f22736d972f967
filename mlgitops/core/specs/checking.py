"""What keeps a value from being a spec, as the validation library tells it."""

from __future__ import annotations

from itertools import islice
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlgitops.core.digests import JSON
from mlgitops.core.findings import closest
from mlgitops.core.sources import Document, Keys
from mlgitops.core.specs.base import Spec
from mlgitops.core.specs.shapes import allowed_keys

# So many problems of a document are told in words.
MAX_TOLD: Final = 200


def models(document: Document, kinds: tuple[type[Spec], ...]) -> tuple[type[Spec], ...]:
    """Return the one of ``kinds`` that the document says it is, or none."""
    value = document.value
    given = value.get("kind") if isinstance(value, dict) else None
    return tuple(kind for kind in kinds if kind.__name__ == given)


def fits(model: type[Spec], value: JSON) -> bool:
    """Return whether ``value`` is a spec of the kind ``model``."""
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True


def problems_of(model: type[Spec], value: JSON) -> list[ErrorDetails]:
    """Return what keeps ``value`` from being a spec of the kind ``model``."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        return said_once(model, error.errors(include_url=False))
    return []


def said_once(model: type[Spec], problems: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out the missing keys that are there, but misspelt."""
    short = {problem["loc"][:-1] for problem in problems if problem["type"] == "missing"}
    unknown = (p["loc"] for p in problems if p["type"] == "extra_forbidden")
    meant = {
        (*loc[:-1], word)
        for loc in islice((loc for loc in unknown if loc[:-1] in short), MAX_TOLD)
        for word in [closest(str(loc[-1]), allowed_keys(model, loc[:-1]))]
    }
    return [p for p in problems if p["type"] != "missing" or p["loc"] not in meant]


def walk(value: JSON, loc: tuple[str | int, ...]) -> tuple[Keys, JSON]:
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
