"""A model is judged on rows: a parquet output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "model-evaluation-data"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find evaluation and reference data that are stored as something else than parquet."""
    for model in draft.models:
        spec = model.spec
        named = {("evaluation", "data"): spec.evaluation.data}
        if spec.monitoring.reference is not None:
            named["monitoring", "reference"] = spec.monitoring.reference
        pipeline = draft.pipeline(spec.pipeline)
        for keys, artifact in named.items():
            found = None if pipeline is None else find_output(pipeline.spec, artifact)
            if found is None or isinstance(found, NoOutput) or found.format == "parquet":
                continue
            yield Finding(
                rule=RULE,
                message=f"{artifact!r} is stored as {found.format}, and rows are read as parquet",
                hint=f"declare it as '{artifact.partition('.')[2]}: parquet'",
                at=model.mark(*keys),
            )
