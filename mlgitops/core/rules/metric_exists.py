"""A model is judged by metrics that are known and fit its task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.metrics import METRICS, Metric, Parameter, find, of_task
from mlgitops.core.rewriting import respelt
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Evaluation, Model

RULE: Final = "metric-exists"
_AT: Final[Mapping[Parameter | None, str]] = {
    None: "no number stands behind this metric",
    "count": "behind '@' stands how many of the first are looked at, from 1",
    "share": "behind '@' stands a share, between 0 and 1",
    "weight": "behind '@' stands how much more recall weighs, above 0",
}


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find metrics that nobody computes, or not for this task, or not without a further column."""
    for model in draft.models:
        asked = model.spec.evaluation
        for name in asked.custom:
            if name in METRICS:
                yield Finding(
                    rule=RULE,
                    message=f"{name!r} is a metric already",
                    hint="give your own another name",
                    at=model.mark_key("evaluation", "custom", name),
                )
            elif name not in asked.metrics:
                yield Finding(
                    rule=RULE,
                    message=f"{name!r} is never measured",
                    hint=f"add {name!r} to the metrics",
                    at=model.mark_key("evaluation", "custom", name),
                    severity="warning",
                )
        for place, name in enumerate(asked.metrics):
            if name not in asked.custom:
                yield from _wrong(model, place, name)


def _wrong(model: Located[Model], place: int, name: str) -> Iterator[Finding]:
    task, asked = model.spec.task, model.spec.evaluation
    fitting = of_task(task)
    keys = ("evaluation", "metrics", place)
    metric = find(name)
    if metric is not None and task in metric.tasks:
        if "@" in name and metric.beside and task != "ranking":
            yield Finding(
                rule=RULE,
                message=f"{name!r} looks at the first rows of a group, and {task} has no groups",
                hint=f"write {name.partition('@')[0]!r}",
                at=model.mark(*keys),
            )
        elif _lacks(metric, asked):
            yield Finding(
                rule=RULE,
                message=f"{name!r} needs the column that evaluation.{metric.beside} names",
                hint=f"add '{metric.beside}:' to the evaluation",
                at=model.mark(*keys),
            )
        return
    base = METRICS.get(name.partition("@")[0])
    told = f"{name!r} is no metric of {task}" if metric else f"there is no metric {name!r}"
    if metric is None and base is not None and task in base.tasks:
        told = f"{name!r}: {_AT[base.at]}"
    yield Finding(
        rule=RULE,
        message=told,
        hint=did_you_mean(name, fitting) or f"for {task} there are {', '.join(fitting)}",
        at=model.mark(*keys),
        fix=None
        if base is not None
        else respelt(
            model.document,
            keys,
            name,
            [one for one in fitting if "@" not in one],
            sure=METRICS,
            taken=asked.metrics,
        ),
    )


def _lacks(metric: Metric, asked: Evaluation) -> bool:
    # That ranking has groups is asked once, of the evaluation itself.
    return metric.beside not in (None, "group", *asked.beside)
