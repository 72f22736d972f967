"""Which functions the specs call, where they say so, and what they give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlgitops.core.drafts import Draft
from mlgitops.core.marks import Mark
from mlgitops.core.sources import Key
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.pipelines import Pipeline, PythonSource, Step

# Where a name is written: at a key, or as the value at these keys.
Place: TypeAlias = "tuple[Literal['key', 'value'], tuple[Key, ...]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One ``module:function``, at ``keys`` of a spec.

    ``given``: argument to where it is written; ``offered``: what is given too, to a function that
    takes it. ``by``: who calls, for messages. ``settled``: False when a name among them does not
    resolve, so that what is given is not what is meant.
    """

    function: str
    folder: str
    spec: Located[Pipeline] | Located[Model]
    keys: tuple[Key, ...]
    by: str
    given: Mapping[str, Place]
    offered: tuple[str, ...] = ()
    settled: bool = True

    @property
    def at(self) -> Mark:
        """Where the function is named."""
        return self.spec.mark(*self.keys)

    def given_at(self, argument: str) -> Mark:
        """Return where ``argument`` is given."""
        return mark_of(self.spec, self.given[argument])


def mark_of(spec: Located[Pipeline] | Located[Model], place: Place) -> Mark:
    """Return where a name stands."""
    what, keys = place
    return spec.mark_key(*keys) if what == "key" else spec.mark(*keys)


def calls(draft: Draft) -> Iterator[Call]:
    """Yield every call that the specs of ``draft`` ask for."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            found = _of_step(pipeline, index, step)
            if found is not None:
                yield found
    for model in draft.models:
        if draft.pipeline(model.spec.pipeline) is not None:
            yield from _metrics(model)
        labels = model.spec.monitoring.labels
        if labels is not None and draft.pipeline(model.spec.pipeline) is not None:
            keys = ("monitoring", "labels", "source")
            yield Call(
                function=labels.source,
                folder=f"pipelines/{model.spec.pipeline}",
                spec=model,
                keys=keys,
                by="monitoring.labels",
                given={"as_of": ("value", keys)},
            )


def _metrics(model: Located[Model]) -> Iterator[Call]:
    for name, metric in model.spec.evaluation.custom.items():
        keys = ("evaluation", "custom", name, "run")
        yield Call(
            function=metric.run,
            folder=f"pipelines/{model.spec.pipeline}",
            spec=model,
            keys=keys,
            by=f"the metric {name!r}",
            given=dict.fromkeys(("target", "prediction"), ("value", keys)),
            offered=("rows",),
        )


def _of_step(pipeline: Located[Pipeline], index: int, step: Step) -> Call | None:
    keys: tuple[Key, ...] = ("steps", index, "run")
    function = step.run
    given: dict[str, Place] = {}
    if isinstance(step.source, PythonSource):
        keys, function = ("steps", index, "source", "run"), step.source.run
        given["as_of"] = ("value", keys)
    if function is None:
        return None
    return Call(
        function=function,
        folder=f"pipelines/{pipeline.spec.name}",
        spec=pipeline,
        keys=keys,
        by=f"step {step.name!r}",
        given={**given, **arguments(index, step)},
        settled=all(name in pipeline.spec.params for name in step.params),
    )


def arguments(index: int, step: Step) -> dict[str, Place]:
    """Return the names of a step's inputs, params and elements with where each is written."""
    given: dict[str, Place] = {
        name: ("value", ("steps", index, "params", place)) for place, name in enumerate(step.params)
    }
    for name in step.foreach or ():
        given[name] = ("key", ("steps", index, "foreach", name))
    for name in step.inputs:
        given[name] = ("key", ("steps", index, "inputs", name))
    return given
