"""From a YAML document to a spec, or to the findings that say what is wrong with it and where."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from mlgitops.core.findings import Finding
from mlgitops.core.sources import Document
from mlgitops.core.specs.base import Located, Spec

S = TypeVar("S", bound=Spec)


def read_spec(document: Document, model: type[S]) -> Located[S] | tuple[Finding, ...]:
    """Return ``document`` as ``model``, or every finding about it."""
    try:
        return Located(spec=model.model_validate(document.value), document=document)
    except ValidationError as error:
        return tuple(
            Finding(
                rule="value",
                message=str(problem["msg"]),
                at=document.mark(*problem["loc"]),
            )
            for problem in error.errors()
        )
