"""Data that a pipeline makes is read by something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.references import outputs_named
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Model

RULE: Final = "output-unused"

# What is made to be read by other steps; a report or a plot is made to be looked at.
_FORMATS: Final = frozenset({"parquet", "csv", "jsonl", "npy", "npz", "estimator"})


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find data of a model's pipeline that no step and no model reads."""
    if any(path.endswith("/model.yaml") for path in draft.unreadable):
        return
    models: dict[str, list[Located[Model]]] = {}
    for model in draft.models:
        models.setdefault(model.spec.pipeline, []).append(model)
    for pipeline in draft.pipelines:
        own = models.get(pipeline.spec.name, [])
        used = {name for step in pipeline.spec.steps for name in outputs_named(step)}
        for model in own:
            spec = model.spec
            used |= {spec.artifact, spec.evaluation.data}
            if spec.monitoring.reference is not None:
                used.add(spec.monitoring.reference)
        made = {f"{step.name}.{name}" for step in pipeline.spec.steps for name in step.outputs}
        # After a misspelt name nobody knows what is read.
        for index, step in enumerate(pipeline.spec.steps if own and used <= made else ()):
            for name, output in step.outputs.items():
                if output.format in _FORMATS and f"{step.name}.{name}" not in used:
                    yield Finding(
                        rule=RULE,
                        message=f"nothing reads '{step.name}.{name}'",
                        hint="name it in the inputs of a step, or delete it",
                        at=pipeline.mark_key("steps", index, "outputs", name),
                        severity="warning",
                    )
