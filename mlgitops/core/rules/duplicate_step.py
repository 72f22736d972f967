"""Each step of a pipeline has a name of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "duplicate-step"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find steps that are called like an earlier one."""
    for pipeline in draft.pipelines:
        seen: dict[str, int] = {}
        for index, step in enumerate(pipeline.spec.steps):
            first = seen.setdefault(step.name, index)
            if first != index:
                yield Finding(
                    rule=RULE,
                    message=f"{pipeline.spec.name!r} has two steps called {step.name!r}",
                    hint="rename or delete one of them",
                    at=pipeline.mark("steps", index, "name"),
                    related=((pipeline.mark("steps", first, "name"), "the first one is here"),),
                )
