"""A gate on slices is for models that have slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.asked import gates
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "gate-slices-exist"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find gates on slices for models without any: they could never pass."""
    for asked in gates(draft):
        if asked.gate.slices is None:
            continue
        for model in asked.models:
            if not model.spec.evaluation.slices:
                yield Finding(
                    rule=RULE,
                    message=f"model {model.spec.name!r} is not judged by slices",
                    hint="name columns in its evaluation.slices, or the gate's 'model'",
                    at=asked.mark("slices"),
                )
