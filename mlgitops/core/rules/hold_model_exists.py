"""A hold is of a model that is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean

RULE: Final = "hold-model-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find holds that hold nothing: a misspelt one would let a promotion through."""
    known = {model.spec.name: None for model in draft.models}
    for hold in draft.holds:
        name = hold.spec.model
        if name not in known and not draft.may_have("Model", name):
            yield Finding(
                rule=RULE,
                message=f"there is no model {name!r}: this holds nothing",
                hint=did_you_mean(name, known) or "delete the hold",
                at=hold.mark("model"),
            )
