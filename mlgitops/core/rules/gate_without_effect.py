"""A gate decides something that no other gate has decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.gates import Gate
from mlgitops.core.specs.models import Model
from mlgitops.core.strictness import covering, demand

RULE: Final = "gate-without-effect"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find gates beside one that is stricter, and gates of models that every environment has."""
    for model in draft.models:
        yield from _in_one_list(model)
    for environment in draft.environments:
        yield from _in_one_list(environment)
    if draft.environments and not any(p.startswith("environments/") for p in draft.unreadable):
        for model in draft.models:
            yield from _asked_everywhere(model, draft.environments)


def _in_one_list(owner: Located[Model] | Located[Environment]) -> Iterator[Finding]:
    gates = owner.spec.gates
    for index, gate in enumerate(gates):
        # Of two equal ones the later one is told.
        earlier = covering(enumerate(gates[:index]), gate)
        later = [
            (index + 1 + place, other)
            for place, other in enumerate(gates[index + 1 :])
            if not (gate.model == other.model and demand(gate).covers(demand(other)))
        ]
        other = earlier if earlier is not None else covering(later, gate)
        if other is not None:
            at = mark_of(owner, index)
            stricter = mark_of(owner, other)
            same = demand(gate) == demand(gates[other])
            yield Finding(
                rule=RULE,
                message=f"this gate decides nothing: the one in line {stricter.line} asks "
                f"{'the same' if same else 'more'}",
                hint="delete one of the two",
                at=at,
                severity="warning",
                related=((stricter, "this one decides"),),
            )


def _asked_everywhere(
    model: Located[Model], environments: tuple[Located[Environment], ...]
) -> Iterator[Finding]:
    name = model.spec.name
    for index, gate in enumerate(model.spec.gates):
        meant = gate.model_copy(update={"model": name})
        found = [covering(enumerate(one.spec.gates), meant) for one in environments]
        places = [place for place in found if place is not None]
        if len(places) < len(environments):
            continue
        names = ", ".join(one.spec.name for one in environments)
        yield Finding(
            rule=RULE,
            message="this gate decides nothing: every environment asks as much or more",
            hint=f"ask more than {names}, or delete it: a model's gates come on top of theirs",
            at=mark_of(model, index),
            severity="warning",
            related=tuple(
                (mark_of(one, place), f"{one.spec.name!r} asks it")
                for one, place in zip(environments, places, strict=True)
            ),
        )


def mark_of(owner: Located[Model] | Located[Environment], index: int) -> Mark:
    """Return the place of the word that says what kind of gate it is."""
    gate: Gate = owner.spec.gates[index]
    key = gate.kind
    for limit in ("min", "max"):
        if getattr(gate, limit) is not None:
            key = limit
    return owner.mark("gates", index, key)
