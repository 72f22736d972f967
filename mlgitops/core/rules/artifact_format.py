"""A model is exported from an estimator, or handed over as ONNX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "artifact-format"
_FORMATS: Final = ("estimator", "onnx")


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find artifacts of models that are stored as something that answers nothing."""
    for model in draft.models:
        pipeline = draft.pipeline(model.spec.pipeline)
        found = None if pipeline is None else find_output(pipeline.spec, model.spec.artifact)
        if found is None or isinstance(found, NoOutput) or found.format in _FORMATS:
            continue
        yield Finding(
            rule=RULE,
            message=f"{model.spec.artifact!r} is stored as {found.format}, not as an "
            "estimator or ONNX",
            hint=f"name the output of the step that fits, or declare it as "
            f"'{model.spec.artifact.partition('.')[2]}: estimator'",
            at=model.mark("artifact"),
        )
