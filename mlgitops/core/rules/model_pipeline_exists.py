"""A model comes from a pipeline that is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft, folder
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.rewriting import respelt

RULE: Final = "model-pipeline-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find models of pipelines that are not there."""
    known = draft.by_name
    for model in draft.models:
        name = model.spec.pipeline
        if name not in known and not draft.may_have("Pipeline", name):
            yield Finding(
                rule=RULE,
                message=f"there is no pipeline {name!r}",
                hint=did_you_mean(name, known) or f"it would stand in pipelines/{name}/",
                at=model.mark("pipeline"),
                fix=respelt(
                    model.document,
                    ("pipeline",),
                    name,
                    known,
                    sure={folder(pipeline.path) for pipeline in draft.pipelines},
                ),
            )
