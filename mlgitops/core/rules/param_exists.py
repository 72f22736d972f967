"""A step asks for parameters that its pipeline has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.rewriting import respelt

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
                        fix=respelt(pipeline.document, keys, name, known, taken=step.params),
                    )
