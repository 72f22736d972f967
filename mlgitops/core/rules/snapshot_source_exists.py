"""A snapshot is of a source of its pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft, folder
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean

RULE: Final = "snapshot-source-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find snapshots that nothing reads."""
    for snapshot in draft.snapshots:
        pipeline = draft.pipeline(folder(snapshot.path))
        if pipeline is None:
            continue
        sources = [step.name for step in pipeline.spec.steps if step.source is not None]
        named = snapshot.path.endswith(f"/{snapshot.spec.source}.yaml")
        if named and snapshot.spec.source not in sources:
            known = ", ".join(sources) or "none"
            yield Finding(
                rule=RULE,
                message=f"pipeline {pipeline.spec.name!r} has no source {snapshot.spec.source!r}",
                hint=did_you_mean(snapshot.spec.source, sources) or f"its sources are {known}",
                at=snapshot.mark("source"),
                severity="warning",
            )
