"""Which functions the specs call, where they say so, and what they give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlgitops.core.drafts import Draft
from mlgitops.core.marks import Mark
from mlgitops.core.sources import Key
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import Pipeline, PythonSource, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One ``module:function`` in a spec.

    ``given``: argument to where it is written. ``by``: who calls, for messages. ``settled``: False
    when a name among them does not resolve, so that what is given is not what is meant.
    """

    function: str
    folder: str
    at: Mark
    by: str
    given: Mapping[str, Mark]
    settled: bool = True


def calls(draft: Draft) -> Iterator[Call]:
    """Yield every call that the specs of ``draft`` ask for."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            found = _of_step(pipeline, index, step)
            if found is not None:
                yield found
    for model in draft.models:
        labels = model.spec.monitoring.labels
        if labels is not None and draft.pipeline(model.spec.pipeline) is not None:
            at = model.mark("monitoring", "labels", "source")
            yield Call(
                function=labels.source,
                folder=f"pipelines/{model.spec.pipeline}",
                at=at,
                by="monitoring.labels",
                given={"as_of": at},
            )


def _of_step(pipeline: Located[Pipeline], index: int, step: Step) -> Call | None:
    keys: tuple[Key, ...] = ("steps", index, "run")
    function = step.run
    given = arguments(pipeline, index, step)
    if isinstance(step.source, PythonSource):
        keys, function = ("steps", index, "source", "run"), step.source.run
        given.setdefault("as_of", pipeline.mark(*keys))
    if function is None:
        return None
    return Call(
        function=function,
        folder=f"pipelines/{pipeline.spec.name}",
        at=pipeline.mark(*keys),
        by=f"step {step.name!r}",
        given=given,
        settled=all(name in pipeline.spec.params for name in step.params),
    )


def arguments(pipeline: Located[Pipeline], index: int, step: Step) -> dict[str, Mark]:
    """Return the names of a step's inputs, params and elements with where each is written."""
    given = {name: pipeline.mark_key("steps", index, "inputs", name) for name in step.inputs}
    for name in step.foreach or ():
        given.setdefault(name, pipeline.mark_key("steps", index, "foreach", name))
    for place, name in enumerate(step.params):
        given.setdefault(name, pipeline.mark("steps", index, "params", place))
    return given
