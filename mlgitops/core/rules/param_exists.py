"""A step asks for parameters that its pipeline has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.functions import Function
from mlgitops.core.rewriting import respelt
from mlgitops.core.specs.pipelines import PythonSource, Step

RULE: Final = "param-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find parameters of steps that the pipeline does not give."""
    for pipeline in draft.pipelines:
        known = pipeline.spec.params
        for index, step in enumerate(pipeline.spec.steps):
            for place, name in enumerate(step.params):
                if name not in known:
                    keys = ("steps", index, "params", place)
                    yield Finding(
                        rule=RULE,
                        message=f"{pipeline.spec.name!r} has no param {name!r}",
                        hint=did_you_mean(name, known) or f"add '{name}: …' to its params",
                        at=pipeline.mark(*keys),
                        fix=respelt(
                            pipeline.document,
                            keys,
                            name,
                            known,
                            sure=_accepted(draft, pipeline.spec.name, step),
                            taken=step.params,
                        ),
                    )


def _accepted(draft: Draft, pipeline: str, step: Step) -> tuple[str, ...]:
    """Return the arguments that the step's function has, as far as they can be read."""
    function = step.source.run if isinstance(step.source, PythonSource) else step.run
    if function is None:
        return ()
    found = draft.functions.find(function, f"pipelines/{pipeline}")
    return (found.accepts or ()) if isinstance(found, Function) else ()
