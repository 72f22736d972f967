"""A limit lies where the metric has values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.asked import gates
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.metrics import find
from mlgitops.core.specs.base import seconds, size_in_bytes
from mlgitops.core.specs.gates import Gate

RULE: Final = "gate-range"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find limits that no value can reach, or that every value does."""
    for asked in gates(draft):
        for key, passes, why in (*_of_metric(asked.gate), *_of_size_and_time(asked.gate)):
            what = "always passes" if passes else "can never pass"
            yield Finding(
                rule=RULE,
                message=f"this gate {what}: {why}",
                hint="write another limit, or delete the gate",
                at=asked.mark(key),
                severity="warning" if passes else "error",
            )


def _of_metric(gate: Gate) -> Iterator[tuple[str, bool, str]]:
    """Yield the key of a limit, whether everything passes it, and why."""
    metric = find(gate.metric or "")
    if metric is None:
        return
    low, high = metric.low, metric.high
    why = f"{gate.metric!r} lies between {low:g} and {high:g}"
    for key, limit in (("min", gate.min), ("max", gate.max)):
        if limit is None or low < limit < high:
            continue
        passes = limit <= low if key == "min" else limit >= high
        if limit not in (low, high) or passes:
            yield key, passes, why
    if gate.no_worse_than is not None and gate.margin >= high - low:
        yield "margin", True, why


def _of_size_and_time(gate: Gate) -> Iterator[tuple[str, bool, str]]:
    if gate.size_max is not None and size_in_bytes(gate.size_max) == 0:
        yield "size_max", False, "no file is that small"
    for key, limit in (("latency_p99", gate.latency_p99), ("freshness", gate.freshness)):
        if limit is not None and seconds(limit) == 0:
            yield key, False, "nothing takes no time"
    if gate.soak is not None and seconds(gate.soak) == 0:
        yield "soak", True, "it waits for no time"
