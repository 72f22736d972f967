"""No step waits for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.graphs import cycles, step_inputs, step_needs
from mlgitops.core.marks import Mark
from mlgitops.core.references import references_of
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import Pipeline

RULE: Final = "step-cycle"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find circles of steps in each pipeline."""
    for pipeline in draft.pipelines:
        needs = step_needs(pipeline.spec)
        if len(needs) < len(pipeline.spec.steps):
            continue
        for found in cycles(needs):
            pairs = zip(found.names, (*found.names[1:], found.names[0]), strict=True)
            places = [_closing(pipeline, first, wanted) for first, wanted in pairs]
            yield Finding(
                rule=RULE,
                message=f"these steps wait for one another: {found}",
                hint="take one of these inputs or conditions away",
                at=places[0],
                related=tuple((place, "and this one waits, too") for place in places[1:20]),
            )


def _closing(pipeline: Located[Pipeline], first: str, wanted: str) -> Mark:
    """Return the first place where the step ``first`` asks for an output of ``wanted``."""
    for index, step in enumerate(pipeline.spec.steps):
        if step.name != first:
            continue
        for name, maker, _ in step_inputs(step):
            if maker == wanted:
                return pipeline.mark("steps", index, "inputs", name)
        for reference in references_of(pipeline, index):
            if reference.owner == wanted:
                return reference.at
    return pipeline.mark("steps")
