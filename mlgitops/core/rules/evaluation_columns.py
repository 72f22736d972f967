"""The columns of an evaluation are different ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.spelling import name_meant

RULE: Final = "evaluation-columns"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find a target that is the row id, and slices that are one of the two."""
    for model in draft.models:
        asked = model.spec.evaluation
        if asked.id == asked.target:
            yield Finding(
                rule=RULE,
                message=f"{asked.id!r} is both the target and the row id",
                hint="name the column that holds a unique id of each row",
                at=model.mark("evaluation", "id"),
            )
        labels = model.spec.monitoring.labels
        if labels is not None and labels.join == asked.target:
            yield Finding(
                rule=RULE,
                message=f"the labels join by {labels.join!r}, which is the target",
                hint="name the column of the labels that holds the row id",
                at=model.mark("monitoring", "labels", "join"),
            )
        for place, name in enumerate(asked.slices):
            what = {asked.id: "every row is a slice", asked.target: "a slice has one true value"}
            if name in what:
                yield Finding(
                    rule=RULE,
                    message=f"slices by {name!r} say nothing: {what[name]}",
                    hint="take it out of the slices",
                    at=model.mark("evaluation", "slices", place),
                    severity="warning",
                )
            elif name not in model.spec.features and name_meant(name, model.spec.features):
                yield Finding(
                    rule=RULE,
                    message=f"slices by {name!r}, which is no feature and almost called like one",
                    hint=f"did you mean {name_meant(name, model.spec.features)!r}?",
                    at=model.mark("evaluation", "slices", place),
                    severity="warning",
                )
