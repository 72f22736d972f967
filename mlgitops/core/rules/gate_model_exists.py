"""A gate is for a model that is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.asked import gates
from mlgitops.core.drafts import Draft, folder
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.rewriting import respelt

RULE: Final = "gate-model-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find gates for models that are not there, or for another model than their own."""
    known = {model.spec.name: None for model in draft.models}
    for asked in gates(draft):
        name, fix = asked.gate.model, None
        if name is None:
            continue
        if asked.owner.spec.kind == "Model" and name != asked.owner.spec.name:
            message = f"a gate of model {asked.owner.spec.name!r} cannot be for {name!r}"
            hint = "leave 'model' out here, or move the gate to an environment"
        elif name not in known and not draft.may_have("Model", name):
            message = f"there is no model {name!r}"
            hint = did_you_mean(name, known) or f"the models are {', '.join(known) or 'none'}"
            keys = ("gates", asked.index, "model")
            fix = respelt(asked.owner.document, keys, name, known, sure=_sure(draft))
        else:
            continue
        yield Finding(rule=RULE, message=message, hint=hint, at=asked.mark("model"), fix=fix)


def _sure(draft: Draft) -> set[str]:
    """Return the models that are called like their folder: their name is spelt as it is meant."""
    return {model.spec.name for model in draft.models if model.spec.name == folder(model.path)}
