"""A parameter that no step asks for changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, closest
from mlgitops.core.references import params_named

RULE: Final = "unused-param"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find parameters that no step asks for."""
    for pipeline in draft.pipelines:
        asked = {name for step in pipeline.spec.steps for name in params_named(step)}
        # One that is asked for under a misspelt name is the finding of another rule.
        misspelt = asked - pipeline.spec.params.keys()
        used = asked | {closest(name, pipeline.spec.params) for name in misspelt}
        for name in pipeline.spec.params:
            if name not in used:
                yield Finding(
                    rule=RULE,
                    message=f"no step asks for the param {name!r}: changing it changes nothing",
                    hint=f"add {name!r} to the params of a step, or delete it",
                    at=pipeline.mark_key("params", name),
                    severity="warning",
                )
