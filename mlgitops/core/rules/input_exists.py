"""An input names a step and an output that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, artifacts_of, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.rewriting import respelt

RULE: Final = "input-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find inputs that no step makes."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            for name, artifact in step.inputs.items():
                if not isinstance(artifact, str):
                    continue
                found = find_output(pipeline.spec, artifact)
                if isinstance(found, NoOutput):
                    keys = ("steps", index, "inputs", name)
                    yield Finding(
                        rule=RULE,
                        message=found.message,
                        hint=found.hint,
                        at=pipeline.mark(*keys).part(artifact, found.start, found.end),
                        fix=respelt(
                            pipeline.document,
                            keys,
                            artifact,
                            artifacts_of(pipeline.spec),
                            taken=[f"{step.name}.{output}" for output in step.outputs],
                        ),
                    )
