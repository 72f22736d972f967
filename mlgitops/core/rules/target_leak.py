"""A model does not get the answer as an input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "target-leak"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find features that are the target, or the row id."""
    for model in draft.models:
        evaluation = model.spec.evaluation
        for place, name in enumerate(model.spec.features):
            if name in evaluation.truth:
                message = f"the feature {name!r} is the target that the model has to predict"
            elif name == evaluation.id:
                message = f"the feature {name!r} is the row id: no later row has it"
            else:
                continue
            at = model.mark("features", place)
            yield Finding(rule=RULE, message=message, hint="take it out of the features", at=at)
