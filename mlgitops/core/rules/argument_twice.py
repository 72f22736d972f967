"""A name comes to a function once: as an input, as a parameter, or as `as_of`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.calls import arguments, mark_of
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.specs.pipelines import PythonSource

RULE: Final = "argument-twice"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find names that a step would give its function twice."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            for place, name in enumerate(step.params):
                if name in step.inputs and step.command is None:
                    yield Finding(
                        rule=RULE,
                        message=f"{name!r} is both an input and a param of step {step.name!r}",
                        hint="rename one of the two: both come to the function by name",
                        at=pipeline.mark("steps", index, "params", place),
                    )
            given = arguments(index, step) if isinstance(step.source, PythonSource) else {}
            if "as_of" in given:
                yield Finding(
                    rule=RULE,
                    message=f"source {step.name!r} is already given 'as_of' by mlgitops",
                    hint="rename this one",
                    at=mark_of(pipeline, given["as_of"]),
                )
