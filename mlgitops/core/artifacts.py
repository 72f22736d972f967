"""``step.output``: which output of a pipeline a model names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from mlgitops.core.findings import did_you_mean
from mlgitops.core.specs.pipelines import OutputSpec, Pipeline

_NAMED: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOutput:
    """The pipeline makes no such output; why, and what it makes instead.

    ``start`` and ``end``: which part of ``step.output`` names what is not there.
    """

    message: str
    hint: str
    start: int
    end: int


def outputs_of(pipeline: Pipeline) -> dict[str, dict[str, OutputSpec]]:
    """Return step to output name to output; steps of one name are taken together."""
    found: dict[str, dict[str, OutputSpec]] = {}
    for step in pipeline.steps:
        found.setdefault(step.name, {}).update(step.outputs)
    return found


def artifacts_of(pipeline: Pipeline) -> Iterator[str]:
    """Yield every ``step.output`` of the pipeline."""
    return (f"{step.name}.{output}" for step in pipeline.steps for output in step.outputs)


def find_output(pipeline: Pipeline, artifact: str) -> OutputSpec | NoOutput:
    """Return the output that ``artifact`` (``step.output``) names in ``pipeline``."""
    maker, _, output = artifact.partition(".")
    named = [step.outputs for step in pipeline.by_name.get(maker, ())]
    for outputs in named:
        if output in outputs:
            return outputs[output]
    if not named:
        steps = list(pipeline.by_name)
        return NoOutput(
            message=f"pipeline {pipeline.name!r} has no step {maker!r}",
            hint=did_you_mean(maker, steps) or f"its steps are {', '.join(steps[:_NAMED])}",
            start=0,
            end=len(maker),
        )
    return NoOutput(
        message=f"step {maker!r} of {pipeline.name!r} has no output {output!r}",
        hint=did_you_mean(output, chain(*named))
        or f"it has {', '.join(islice(chain(*named), _NAMED))}",
        start=len(maker) + 1,
        end=len(artifact),
    )
