"""A document as it is certainly meant: what comes after a misspelt key is judged as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mlgitops.core.composing import Places
from mlgitops.core.digests import JSON
from mlgitops.core.rewriting import found_at
from mlgitops.core.sources import Document, Keys
from mlgitops.core.specs.base import Spec
from mlgitops.core.specs.checking import problems_of, walk
from mlgitops.core.specs.repairs import may_be_fixed, proposals

_MOST: Final = 20


def as_meant(document: Document, model: type[Spec]) -> Document | None:
    """Return ``document`` with the fixes of all its problems, each part where it is written.

    None when one of them has no certain fix.
    """
    problems = problems_of(model, document.value)
    if len(problems) > _MOST or not may_be_fixed(document, len(problems)):
        return None
    while problems:
        problem, before = problems[0], document.value
        # Without an item of a list, the others are no longer where they are written.
        if problem["type"] == "value_error":
            return None
        keys, _ = walk(before, problem["loc"])
        for proposal in proposals(document, model, problem, keys):
            left = problems_of(model, proposal.value)
            if proposal.fix is not None and len(left) < len(problems):
                break
        else:
            return None
        places = document.places
        if problem["type"] == "extra_forbidden":
            [name] = _keys(proposal.value, keys[:-1]) - _keys(before, keys[:-1])
            places = _renamed(places, keys, name)
        document, problems = replace(document, value=proposal.value, places=places), left
    return document


def _keys(value: JSON, keys: Keys) -> set[str]:
    found = found_at(value, keys)
    return set(found) if isinstance(found, dict) else set()


def _renamed(places: Places, keys: Keys, name: str) -> Places:
    """Return ``places`` with what is at ``keys`` under the name that is meant."""
    end = len(keys)
    return {
        (*keys[:-1], name, *place[end:]) if place[:end] == keys else place: spans
        for place, spans in places.items()
    }
