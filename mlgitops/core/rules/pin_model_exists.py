"""A pin is of a model that is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean

RULE: Final = "pin-model-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find pins of models that no pipeline makes any more."""
    known = {model.spec.name: None for model in draft.models}
    for pin in draft.pins:
        name = pin.spec.model
        if name not in known and not draft.may_have("Model", name):
            yield Finding(
                rule=RULE,
                message=f"there is no model {name!r}",
                hint=did_you_mean(name, known) or "delete the pin to stop what it runs",
                at=pin.mark("model"),
            )
