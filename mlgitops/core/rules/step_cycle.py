"""No step waits for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.graphs import Cycle, order, step_inputs, step_needs

RULE: Final = "step-cycle"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find one circle of steps in each pipeline."""
    for pipeline in draft.pipelines:
        needs = step_needs(pipeline.spec)
        found = order(needs)
        if not isinstance(found, Cycle) or len(needs) < len(pipeline.spec.steps):
            continue
        first, wanted = found.names[0], (*found.names[1:], found.names[0])[0]
        for index, step in enumerate(pipeline.spec.steps):
            closing = [name for name, maker, _ in step_inputs(step) if maker == wanted]
            if step.name == first and closing:
                yield Finding(
                    rule=RULE,
                    message=f"these steps wait for one another: {found}",
                    hint="take one of these inputs away",
                    at=pipeline.mark("steps", index, "inputs", closing[0]),
                )
                break
