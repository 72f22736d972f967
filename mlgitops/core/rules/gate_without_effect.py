"""A gate decides something that no other gate has decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.gates import Gate
from mlgitops.core.specs.models import Model
from mlgitops.core.strictness import Demand, covering, demands

RULE: Final = "gate-without-effect"

Everywhere: TypeAlias = "list[tuple[Located[Environment], tuple[Demand, ...]]]"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find gates beside one that is stricter, and gates of models that every environment has."""
    for model in draft.models:
        yield from _in_one_list(model, demands(model.spec.gates, model.spec.name))
    everywhere = [(one, demands(one.spec.gates)) for one in draft.environments]
    for environment, asked in everywhere:
        yield from _in_one_list(environment, asked)
    if everywhere and not any(path.startswith("environments/") for path in draft.unreadable):
        for model in draft.models:
            yield from _asked_everywhere(model, everywhere)


def _in_one_list(
    owner: Located[Model] | Located[Environment], asked: tuple[Demand, ...]
) -> Iterator[Finding]:
    for index, wanted in enumerate(asked):
        # Of two equal ones the later one is told.
        other = covering(asked[:index], wanted)
        if other is None:
            other = next(
                (
                    place
                    for place in range(index + 1, len(asked))
                    if asked[place].covers(wanted) and not wanted.covers(asked[place])
                ),
                None,
            )
        if other is not None:
            stricter = mark_of(owner, other)
            much = "the same" if asked[other].much == wanted.much else "more"
            yield Finding(
                rule=RULE,
                message=f"this gate decides nothing: the one on line {stricter.line} asks {much}",
                hint="delete one of the two",
                at=mark_of(owner, index),
                severity="warning",
                related=((stricter, "this one decides"),),
            )


def _asked_everywhere(model: Located[Model], everywhere: Everywhere) -> Iterator[Finding]:
    for index, wanted in enumerate(demands(model.spec.gates, model.spec.name)):
        found = [(one, covering(asked, wanted)) for one, asked in everywhere]
        if all(place is not None for _, place in found):
            related = (
                (mark_of(one, place or 0), f"{one.spec.name!r} asks this") for one, place in found
            )
            names = ", ".join(one.spec.name for one, _ in everywhere)
            yield Finding(
                rule=RULE,
                message="this gate decides nothing: every environment asks as much or more",
                hint=f"ask more than {names}, or delete it: a model's gates come on top of theirs",
                at=mark_of(model, index),
                severity="warning",
                related=tuple(related),
            )


def mark_of(owner: Located[Model] | Located[Environment], index: int) -> Mark:
    """Return the place of the word that says what kind of gate it is."""
    gate: Gate = owner.spec.gates[index]
    key = gate.kind
    for limit in ("min", "max"):
        if getattr(gate, limit) is not None:
            key = limit
    return owner.mark("gates", index, key)
