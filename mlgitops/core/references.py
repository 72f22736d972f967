"""Which outputs and params a step names outside of its inputs: in ``when`` and ``foreach``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mlgitops.core.marks import Mark
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.conditions import Condition, Param, parse_condition, references
from mlgitops.core.specs.pipelines import Pipeline, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name in ``when`` or ``foreach``: ``params.name``, or ``step.output``.

    ``text``: the value that holds it, which stands at ``whole``, from its character ``start`` on.
    ``looped``: in ``foreach``.
    """

    owner: str
    name: str
    text: str
    whole: Mark
    start: int
    length: int
    looped: bool

    @property
    def is_param(self) -> bool:
        """Whether it names a param of the pipeline."""
        return self.owner == "params"

    @property
    def artifact(self) -> str:
        """``step.output``, or ``params.name``."""
        return f"{self.owner}.{self.name}"

    @property
    def at(self) -> Mark:
        """Where all of it stands, with the keys that are looked up in it."""
        return self.part(0, self.length)

    def part(self, start: int, end: int) -> Mark:
        """Return where a part of it stands."""
        return self.whole.part(self.text, self.start + start, self.start + end)


def referenced(step: Step) -> Iterator[tuple[str, str]]:
    """Yield (owner, name) of what ``when`` and ``foreach`` name; a param's owner is ``params``."""
    if step.when is not None:
        for found in references(_parsed(step.when)):
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
        for found in references(_parsed(step.when)):
            start, length = found.at
            yield Reference(
                owner="params" if isinstance(found, Param) else found.step,
                name=found.name if isinstance(found, Param) else found.output,
                text=step.when,
                whole=pipeline.mark("steps", index, "when"),
                start=start,
                length=length,
                looped=False,
            )
    for argument, elements in (step.foreach or {}).items():
        if isinstance(elements, str):
            owner, _, name = elements.partition(".")
            yield Reference(
                owner=owner,
                name=name,
                text=elements,
                whole=pipeline.mark("steps", index, "foreach", argument),
                start=0,
                length=len(elements),
                looped=True,
            )


def params_named(step: Step) -> set[str]:
    """Return the params that a step asks for, gets elements of, or depends on."""
    return {*step.params, *(name for owner, name in referenced(step) if owner == "params")}


def outputs_named(step: Step) -> set[str]:
    """Return the outputs, as ``step.output``, that a step reads, runs for or depends on."""
    read = {source for source in step.inputs.values() if isinstance(source, str)}
    return read | {f"{owner}.{name}" for owner, name in referenced(step) if owner != "params"}


# Several rules ask about the same conditions.
@lru_cache(maxsize=4096)
def _parsed(text: str) -> Condition:
    return parse_condition(text)
