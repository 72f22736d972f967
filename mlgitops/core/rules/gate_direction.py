"""A floor is for a metric where more is better, a ceiling where less is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.asked import gates
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.metrics import find

RULE: Final = "gate-direction"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find floors of errors and ceilings of scores: they let the worst model pass."""
    for asked in gates(draft):
        name = asked.gate.metric or ""
        metric = find(name)
        own = {model.spec.evaluation.custom.get(name) for model in asked.models} - {None}
        ways = {one.better for one in own if one is not None} if own else set()
        better = metric.direction if metric is not None else ways.pop() if len(ways) == 1 else None
        if better is None:
            continue
        wrong, right = ("min", "max") if better == "lower" else ("max", "min")
        if getattr(asked.gate, wrong) is not None:
            yield Finding(
                rule=RULE,
                message=f"{better} is better for {asked.gate.metric!r}, "
                f"and {wrong!r} lets the worst values pass",
                hint=f"did you mean {right!r}?",
                at=asked.owner.mark_key("gates", asked.index, wrong),
                severity="warning",
            )
