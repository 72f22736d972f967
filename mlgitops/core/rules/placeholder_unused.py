"""A command uses what its step gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.commands import given, placeholders
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark

RULE: Final = "placeholder-unused"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find inputs and params of commands that none of their words asks for."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            if step.command is None:
                continue
            used = {one.name for one in placeholders(step)}
            if not used <= {*given(step)}:
                continue  # A misspelt one is the finding of another rule.
            places: dict[str, Mark] = {}
            for name in step.inputs:
                places[f"inputs.{name}"] = pipeline.mark_key("steps", index, "inputs", name)
            for place, name in enumerate(step.params):
                places[f"params.{name}"] = pipeline.mark("steps", index, "params", place)
            for name, at in places.items():
                if name not in used:
                    yield Finding(
                        rule=RULE,
                        message=f"the command of {step.name!r} never uses {name}",
                        hint=f"add '{{{name}}}' to its words, or delete it here",
                        at=at,
                        severity="warning",
                    )
