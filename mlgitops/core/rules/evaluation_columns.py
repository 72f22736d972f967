"""The columns of an evaluation are different ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Model
from mlgitops.core.spelling import name_meant
from mlgitops.core.tasks import Task

RULE: Final = "evaluation-columns"
# The tasks that a key of the evaluation is for.
_OF: Final[Mapping[str, Task]] = {
    "targets": "multilabel-classification",
    "group": "ranking",
    "baseline": "forecasting",
    "scale": "forecasting",
}
_NEEDED: Final = ("targets", "group")


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find a target that is the row id, slices that are one of the two, and what a task lacks."""
    for model in draft.models:
        asked = model.spec.evaluation
        yield from _of_task(model)
        if asked.id in asked.truth:
            yield Finding(
                rule=RULE,
                message=f"{asked.id!r} is both the target and the row id",
                hint="name the column that holds a unique id of each row",
                at=model.mark("evaluation", "id"),
            )
        labels = model.spec.monitoring.labels
        if labels is not None and labels.join in asked.truth:
            yield Finding(
                rule=RULE,
                message=f"the labels join by {labels.join!r}, which is the target",
                hint="name the column of the labels that holds the row id",
                at=model.mark("monitoring", "labels", "join"),
            )
        for place, name in enumerate(asked.slices):
            what = {asked.id: "every row is a slice"}
            what |= dict.fromkeys(asked.truth, "a slice has one true value")
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


def _of_task(model: Located[Model]) -> Iterator[Finding]:
    task, asked = model.spec.task, model.spec.evaluation
    for key, home in _OF.items():
        given = getattr(asked, key) is not None
        if given and task != home:
            yield Finding(
                rule=RULE,
                message=f"{key!r} is for the task {home}, and this model's is {task}",
                hint=f"delete {key!r}, or set 'task: {home}'",
                at=model.mark_key("evaluation", key),
            )
        elif key in _NEEDED and not given and task == home:
            yield Finding(
                rule=RULE,
                message=f"the task {task} needs {key!r} in its evaluation",
                hint="add 'targets: [first, second]', a column for each label"
                if key == "targets"
                else "add 'group:', the column that says which rows are ranked together",
                at=model.mark_key("evaluation"),
            )
