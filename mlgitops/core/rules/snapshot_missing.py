"""The data of a pipeline is pinned beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "snapshot-missing"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find sources without a snapshot: no commit says yet which rows they mean."""
    files = {one.path for one in draft.snapshots} | draft.unreadable
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            name = pipeline.spec.name
            path = f"pipelines/{name}/snapshots/{step.name}.yaml"
            if step.source is None or path in files:
                continue
            yield Finding(
                rule=RULE,
                message=f"the source {step.name!r} has no snapshot: its rows are not pinned yet",
                hint=f"'mlgitops run' writes {path}; commit it",
                at=pipeline.mark("steps", index, "name"),
                severity="warning",
            )
