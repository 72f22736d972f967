"""A function returns the outputs that its step declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, closest
from mlgitops.core.functions import Function
from mlgitops.core.marks import Mark
from mlgitops.core.returns import Returned
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import Pipeline, Step

RULE: Final = "function-returns"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find returns that do not fit, by reading the function and never by importing it."""
    for pipeline in draft.pipelines:
        folder = f"pipelines/{pipeline.spec.name}"
        for index, step in enumerate(pipeline.spec.steps):
            # A lone output is whatever the function returns.
            if step.run is None or len(step.outputs) < 2:
                continue
            found = draft.functions.find(step.run, folder)
            if not isinstance(found, Function):
                continue
            for one in found.returns:
                place = Mark(
                    path=found.path, line=one.line, column=one.column, length=len("return")
                )
                yield from _compare(pipeline, index, step, one, place)


def _compare(
    pipeline: Located[Pipeline], index: int, step: Step, one: Returned, place: Mark
) -> Iterator[Finding]:
    name = (step.run or "").partition(":")[2]
    related = ((place, "it returns here"),)
    if one.names is None:
        if one.count != len(step.outputs):
            yield Finding(
                rule=RULE,
                message=f"{name}() returns {one.count} values for the {len(step.outputs)} outputs "
                f"of step {step.name!r}",
                hint=f"return {', '.join(step.outputs)}, in this order, or a dict with these names",
                at=pipeline.mark_key("steps", index, "outputs"),
                related=related,
            )
        return
    extra = [key for key in one.names if key not in step.outputs]
    for output in step.outputs:
        if output not in one.names:
            meant = closest(output, extra)
            told = f"it returns {', '.join(extra)} instead" if extra else "add it to the dict"
            yield Finding(
                rule=RULE,
                message=f"{name}() does not return {output!r}, which step {step.name!r} declares",
                hint=f"it returns {meant!r}: rename one of the two" if meant else told,
                at=pipeline.mark_key("steps", index, "outputs", output),
                related=related,
            )
    if extra and len(one.names) > len(step.outputs):
        yield Finding(
            rule=RULE,
            message=f"{name}() returns {', '.join(extra)}, which step {step.name!r} does not "
            "declare",
            hint="add it to the outputs, or take it out of the dict",
            at=pipeline.mark_key("steps", index, "outputs"),
            related=related,
        )
