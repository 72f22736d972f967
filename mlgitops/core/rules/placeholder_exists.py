"""A command fills in what its step declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.commands import given, placeholders
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.rewriting import respelt

RULE: Final = "placeholder-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find placeholders of nothing, and outputs that a command is never told to write."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            if step.command is None:
                continue
            known, used = given(step), set()
            for one in placeholders(step):
                used.add(one.name)
                if one.name not in known:
                    keys = ("steps", index, "command", one.place)
                    yield Finding(
                        rule=RULE,
                        message=f"step {step.name!r} has no {one.name}",
                        hint=did_you_mean(one.name, known) or f"it has {', '.join(known)}",
                        at=pipeline.mark(*keys).part(one.word, one.start, one.end),
                        fix=respelt(pipeline.document, keys, one.name, known),
                    )
            for name in step.outputs:
                if f"outputs.{name}" not in used:
                    yield Finding(
                        rule=RULE,
                        message=f"the command of {step.name!r} is not told where to write {name!r}",
                        hint=f"add '{{outputs.{name}}}' to its words",
                        at=pipeline.mark_key("steps", index, "outputs", name),
                    )
