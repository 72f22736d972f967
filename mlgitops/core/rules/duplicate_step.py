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
        lines: dict[str, int] = {}
        for index, step in enumerate(pipeline.spec.steps):
            at = pipeline.mark("steps", index, "name")
            if step.name in lines:
                yield Finding(
                    rule=RULE,
                    message=f"{pipeline.spec.name!r} has two steps called {step.name!r}",
                    hint=f"rename one of them; the first is at line {lines[step.name]}",
                    at=at,
                )
            lines.setdefault(step.name, at.line)
