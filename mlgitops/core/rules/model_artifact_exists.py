"""A model is an output that its pipeline makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, artifacts_of, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.rewriting import respelt

RULE: Final = "model-artifact-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find artifacts, evaluation data and reference data that no step makes."""
    for model in draft.models:
        spec = model.spec
        named = {("artifact",): spec.artifact, ("evaluation", "data"): spec.evaluation.data}
        if spec.monitoring.reference is not None:
            named["monitoring", "reference"] = spec.monitoring.reference
        pipeline = draft.pipeline(spec.pipeline)
        for keys, artifact in named.items():
            if pipeline is None:
                continue
            found = find_output(pipeline.spec, artifact)
            if isinstance(found, NoOutput):
                yield Finding(
                    rule=RULE,
                    message=found.message,
                    hint=found.hint,
                    at=model.mark(*keys).part(artifact, found.start, found.end),
                    fix=respelt(
                        model.document,
                        keys,
                        artifact,
                        artifacts_of(pipeline.spec),
                        beside=[pipeline.document],
                    ),
                )
