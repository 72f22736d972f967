"""An input names a step and an output that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import outputs_of
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.graphs import step_inputs

RULE: Final = "input-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find inputs that no step makes."""
    for pipeline in draft.pipelines:
        makes = outputs_of(pipeline.spec)
        for index, step in enumerate(pipeline.spec.steps):
            for name, maker, output in step_inputs(step):
                at = pipeline.mark("steps", index, "inputs", name)
                if maker not in makes:
                    message = f"{pipeline.spec.name!r} has no step {maker!r}"
                    known = f"its steps are {', '.join(makes)}"
                    hint = did_you_mean(maker, makes) or known
                    yield Finding(rule=RULE, message=message, hint=hint, at=at)
                elif output not in makes[maker]:
                    message = f"step {maker!r} has no output {output!r}"
                    known = f"it has {', '.join(makes[maker])}"
                    hint = did_you_mean(output, makes[maker]) or known
                    yield Finding(rule=RULE, message=message, hint=hint, at=at)
