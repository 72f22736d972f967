"""Findings about a spec as YAML, before it is read as a spec, and what they make needless."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import ErrorDetails

from mlgitops.core.errors import SpecError
from mlgitops.core.findings import Finding
from mlgitops.core.fixes import Fix
from mlgitops.core.marks import Mark
from mlgitops.core.rewriting import without_repetition
from mlgitops.core.sources import Document, Reading, leaves
from mlgitops.core.specs.base import Spec
from mlgitops.core.specs.checking import models, problems_of, walk
from mlgitops.core.specs.repairs import (
    MAX_FIXES,
    WRITTEN_BY_TOOL,
    may_be_fixed,
    trap_fix,
    with_fix,
)


def yaml_findings(reading: Reading, path: str, kinds: tuple[type[Spec], ...]) -> list[Finding]:
    """Return the findings about ``path`` as YAML, before anything is read as one of ``kinds``."""
    by_hand = not any(kind.__name__ in WRITTEN_BY_TOOL for kind in kinds)
    fixes = _yaml_fixes(reading, kinds) if reading.problems and by_hand else {}
    return [_of_problem(problem, path, fixes) for problem in reading.problems]


def _yaml_fixes(reading: Reading, kinds: tuple[type[Spec], ...]) -> dict[Mark, Fix]:
    """Return the fixes of keys that are given twice, and of values that YAML reads in two ways."""
    found: dict[Mark, Fix | None] = {}
    wanted = {one.at: one.first for one in reading.problems[:MAX_FIXES] if one.at is not None}
    for document in reading.documents:
        for at, first in wanted.items():
            if first is not None:
                found[at] = without_repetition(document, first, at)
        for model in models(document, kinds):
            if not may_be_fixed(document, 3 * len(problems_of(model, document.value))):
                continue
            for keys, value in leaves(document.value):
                if value is None and (at := document.mark(*keys)) in wanted:
                    found[at] = trap_fix(document, model, keys, problems_of)
    return {at: fix for at, fix in found.items() if fix is not None}


def _of_problem(problem: SpecError, path: str, fixes: Mapping[Mark, Fix]) -> Finding:
    at, first, hint = problem.at or Mark(path=path), problem.first, problem.hint
    finding = Finding(
        rule="yaml",
        message=problem.message,
        hint=hint if first is None else "delete one of the two",
        at=at,
        related=() if first is None else ((first, "the first one is here"),),
    )
    return with_fix(finding, fixes.get(at))


def without_told(
    document: Document, problems: list[ErrorDetails], told: frozenset[Mark | None]
) -> list[ErrorDetails]:
    """Leave out what is wrong only because YAML could not give a value: nobody knows it yet."""
    missing = {
        keys[:end]
        for keys, value in leaves(document.value)
        if value is None and document.mark(*keys) in told
        for end in range(1, len(keys) + 1)
    }

    def known(problem: ErrorDetails) -> bool:
        keys, value = walk(document.value, problem["loc"])
        whole = problem["type"] != "value_error" and isinstance(value, dict | list)
        return whole or keys not in missing

    return [problem for problem in problems if known(problem)]
