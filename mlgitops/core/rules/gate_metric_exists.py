"""A gate asks for a metric that the model records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.asked import gates
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.metrics import METRICS, find
from mlgitops.core.rewriting import respelt

RULE: Final = "gate-metric-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find gates on metrics that a model they are for does not record: they could never pass."""
    for asked in gates(draft):
        metric = asked.gate.metric
        if metric is None:
            continue
        recorded = {model.spec.name: model.spec.evaluation.metrics for model in asked.models}
        without = [name for name, metrics in recorded.items() if metric not in metrics]
        if not without:
            continue
        known = [name for metrics in recorded.values() for name in metrics]
        message = f"model {without[0]!r} does not record the metric {metric!r}"
        listed = f"it records {', '.join(known)}; add it to evaluation.metrics"
        hint = did_you_mean(metric, known) or listed
        if metric in known:
            owner = next(name for name in recorded if name not in without)
            hint = f"add 'model: {owner}' if the gate is for that model alone"
        elif len(recorded) > 1:
            message = f"no model records the metric {metric!r}"
        keys = ("gates", asked.index, "metric")
        yield Finding(
            rule=RULE,
            message=message,
            hint=hint,
            at=asked.mark("metric"),
            fix=None
            if find(metric)
            else respelt(asked.owner.document, keys, metric, known, sure=METRICS),
        )
