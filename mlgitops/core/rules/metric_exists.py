"""A model is judged by metrics that are known and fit its task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.metrics import METRICS
from mlgitops.core.rewriting import respelt

RULE: Final = "metric-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find metrics that nobody computes, or not for this task."""
    for model in draft.models:
        task = model.spec.task
        fitting = [name for name, metric in METRICS.items() if task in metric.tasks]
        for place, name in enumerate(model.spec.evaluation.metrics):
            if name in fitting:
                continue
            keys = ("evaluation", "metrics", place)
            message = f"there is no metric {name!r}"
            if name in METRICS:
                message = f"{name!r} is no metric of {task}"
            yield Finding(
                rule=RULE,
                message=message,
                hint=did_you_mean(name, fitting) or f"for {task} there are {', '.join(fitting)}",
                at=model.mark(*keys),
                fix=None
                if name in METRICS
                else respelt(
                    model.document,
                    keys,
                    name,
                    fitting,
                    sure=METRICS,
                    taken=model.spec.evaluation.metrics,
                ),
            )
