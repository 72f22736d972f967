"""``step.output``: which output of a pipeline a model names."""

from __future__ import annotations

from dataclasses import dataclass

from mlgitops.core.findings import did_you_mean
from mlgitops.core.specs.pipelines import OutputSpec, Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOutput:
    """The pipeline makes no such output; why, and what it makes instead."""

    message: str
    hint: str


def outputs_of(pipeline: Pipeline) -> dict[str, dict[str, OutputSpec]]:
    """Return step to output name to output; steps of one name are taken together."""
    found: dict[str, dict[str, OutputSpec]] = {}
    for step in pipeline.steps:
        found.setdefault(step.name, {}).update(step.outputs)
    return found


def find_output(pipeline: Pipeline, artifact: str) -> OutputSpec | NoOutput:
    """Return the output that ``artifact`` (``step.output``) names in ``pipeline``."""
    maker, _, output = artifact.partition(".")
    outputs = outputs_of(pipeline)
    if maker not in outputs:
        known = f"its steps are {', '.join(outputs)}"
        return NoOutput(
            message=f"pipeline {pipeline.name!r} has no step {maker!r}",
            hint=did_you_mean(maker, outputs) or known,
        )
    if output not in outputs[maker]:
        known = f"it has {', '.join(outputs[maker])}"
        return NoOutput(
            message=f"step {maker!r} of {pipeline.name!r} has no output {output!r}",
            hint=did_you_mean(output, outputs[maker]) or known,
        )
    return outputs[maker][output]
