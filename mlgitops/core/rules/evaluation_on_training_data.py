"""A model is judged on rows that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "evaluation-on-training-data"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find models whose evaluation data goes into the step that trains them."""
    for model in draft.models:
        pipeline = draft.pipeline(model.spec.pipeline)
        if pipeline is None:
            continue
        data, maker = model.spec.evaluation.data, model.spec.artifact.partition(".")[0]
        for index, step in enumerate(pipeline.spec.steps):
            for name, source in step.inputs.items() if step.name == maker else ():
                if source == data:
                    yield Finding(
                        rule=RULE,
                        message=f"{data!r} is also an input of {maker!r}, which makes the model",
                        hint="judge it on rows that the training does not read, such as a later "
                        "month",
                        at=model.mark("evaluation", "data"),
                        severity="warning",
                        related=(
                            (
                                pipeline.mark("steps", index, "inputs", name),
                                "the training reads it here",
                            ),
                        ),
                    )
