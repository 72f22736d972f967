"""A limit lies where the metric has values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.asked import gates
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.metrics import METRICS

RULE: Final = "gate-range"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find limits that no value can reach, or that every value does."""
    for asked in gates(draft):
        gate = asked.gate
        metric = METRICS.get(gate.metric or "")
        if metric is None:
            continue
        low, high = metric.low, metric.high
        for key, limit in (("min", gate.min), ("max", gate.max)):
            if limit is None or low < limit < high:
                continue
            passes = limit <= low if key == "min" else limit >= high
            if limit in (low, high) and not passes:
                continue
            what = "always passes" if passes else "can never pass"
            yield Finding(
                rule=RULE,
                message=f"this gate {what}: {gate.metric!r} lies between {low:g} and {high:g}",
                hint="write a limit between the two, or delete the gate",
                at=asked.mark(key),
                severity="warning" if passes else "error",
            )
