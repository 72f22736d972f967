"""A step has the time to begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.specs.base import seconds

RULE: Final = "timeout-too-short"

# A Python process that imports pandas takes about as long.
_START: Final = 1.0


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find steps that are ended before they can do anything."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            if seconds(step.timeout) < _START:
                yield Finding(
                    rule=RULE,
                    message=f"step {step.name!r} would be ended after {step.timeout}, before it "
                    "does anything",
                    hint="write it as 90s, 20m or 2h; without it, 1h",
                    at=pipeline.mark("steps", index, "timeout"),
                    severity="error" if seconds(step.timeout) == 0 else "warning",
                )
