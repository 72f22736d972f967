"""A model is exported from an estimator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "artifact-format"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find artifacts of models that are stored as something else than an estimator."""
    for model in draft.models:
        pipeline = draft.pipeline(model.spec.pipeline)
        found = None if pipeline is None else find_output(pipeline.spec, model.spec.artifact)
        if found is None or isinstance(found, NoOutput) or found.format == "estimator":
            continue
        yield Finding(
            rule=RULE,
            message=f"{model.spec.artifact!r} is stored as {found.format}, not as an estimator",
            hint=f"name the output of the step that fits, or declare it as "
            f"'{model.spec.artifact.partition('.')[2]}: estimator'",
            at=model.mark("artifact"),
        )
