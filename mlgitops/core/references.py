"""Which outputs and params a step names outside of its inputs: in ``when`` and ``foreach``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlgitops.core.marks import Mark
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.conditions import Param, parse_condition, references
from mlgitops.core.specs.pipelines import Pipeline, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name in ``when`` or ``foreach``: ``params.name``, or ``step.output``.

    ``at``: where all of it stands; ``keys``: what is looked up in the value, in a condition.
    """

    owner: str
    name: str
    at: Mark
    keys: tuple[str, ...] = ()

    @property
    def is_param(self) -> bool:
        """Return whether it names a param of the pipeline."""
        return self.owner == "params"


def referenced(step: Step) -> Iterator[tuple[str, str]]:
    """Yield (owner, name) of what ``when`` and ``foreach`` name; a param's owner is ``params``."""
    if step.when is not None:
        for found in references(parse_condition(step.when)):
            if isinstance(found, Param):
                yield "params", found.name
            else:
                yield found.step, found.output
    for elements in (step.foreach or {}).values():
        if isinstance(elements, str):
            owner, _, name = elements.partition(".")
            yield owner, name


def references_of(pipeline: Located[Pipeline], index: int) -> Iterator[Reference]:
    """Yield what ``when`` and ``foreach`` of a step name, with places."""
    step = pipeline.spec.steps[index]
    if step.when is not None:
        whole = pipeline.mark("steps", index, "when")
        for found in references(parse_condition(step.when)):
            start, length = found.at
            at = whole.part(step.when, start, start + length)
            if isinstance(found, Param):
                yield Reference(owner="params", name=found.name, at=at)
            else:
                yield Reference(owner=found.step, name=found.output, at=at, keys=found.keys)
    for argument, elements in (step.foreach or {}).items():
        if isinstance(elements, str):
            owner, _, name = elements.partition(".")
            at = pipeline.mark("steps", index, "foreach", argument)
            yield Reference(owner=owner, name=name, at=at)


def params_named(step: Step) -> set[str]:
    """Return the params that a step asks for, gets elements of, or depends on."""
    return {*step.params, *(name for owner, name in referenced(step) if owner == "params")}


def outputs_named(step: Step) -> set[str]:
    """Return the outputs, as ``step.output``, that a step reads, runs for or depends on."""
    read = {source for source in step.inputs.values() if isinstance(source, str)}
    return read | {f"{owner}.{name}" for owner, name in referenced(step) if owner != "params"}
