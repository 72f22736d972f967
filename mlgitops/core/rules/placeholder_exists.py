"""A command fills in what its step declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean

RULE: Final = "placeholder-exists"


_PLACEHOLDER: Final = re.compile(r"\{(inputs|outputs|params)\.([^{}]*)\}")


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find placeholders of nothing, and outputs that a command is never told to write."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            if step.command is None:
                continue
            known = [
                *(f"inputs.{name}" for name in step.inputs),
                *(f"outputs.{name}" for name in step.outputs),
                *(f"params.{name}" for name in step.params),
            ]
            used: set[str] = set()
            for place, word in enumerate(step.command):
                for match in _PLACEHOLDER.finditer(word):
                    name = f"{match[1]}.{match[2]}"
                    used.add(name)
                    if name not in known:
                        yield Finding(
                            rule=RULE,
                            message=f"step {step.name!r} has no {name}",
                            hint=did_you_mean(name, known) or f"it has {', '.join(known)}",
                            at=pipeline.mark("steps", index, "command", place).part(
                                word, match.start(1), match.end(2)
                            ),
                        )
            for name in step.outputs:
                if f"outputs.{name}" not in used:
                    yield Finding(
                        rule=RULE,
                        message=f"the command of {step.name!r} is not told where to write {name!r}",
                        hint=f"add '{{outputs.{name}}}' to its words",
                        at=pipeline.mark_key("steps", index, "outputs", name),
                    )
