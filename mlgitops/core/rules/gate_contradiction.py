"""Two limits of one metric can be kept at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.models import Model

RULE: Final = "gate-contradiction"


@dataclass(frozen=True, slots=True)
class _Limit:
    """A bound of a metric in one gate, of ``model`` or of all."""

    owner: Located[Environment] | Located[Model]
    index: int
    key: str
    metric: str
    value: float
    model: str | None


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find metrics that have to be above a floor that is higher than their ceiling."""
    general = [limit for one in draft.environments for limit in _limits(one)]
    for environment in draft.environments:
        own = [limit for limit in general if limit.owner is environment]
        yield from _contradictions(own, own)
    for model in draft.models:
        own = list(_limits(model))
        if own:
            yield from _contradictions(own, own)
            meant = [one for one in general if one.model in (None, model.spec.name)]
            yield from _contradictions(own, meant)


def _limits(owner: Located[Environment] | Located[Model]) -> Iterator[_Limit]:
    for index, gate in enumerate(owner.spec.gates):
        for key, value in (("min", gate.min), ("max", gate.max)):
            if gate.metric is not None and value is not None:
                yield _Limit(owner, index, key, gate.metric, value, gate.model)


def _contradictions(limits: list[_Limit], others: list[_Limit]) -> Iterator[Finding]:
    """Yield what of ``limits`` cannot be kept together with one of ``others``."""
    for limit in limits:
        for other in others:
            if limit.metric != other.metric or limit.key == other.key:
                continue
            if limit.owner is other.owner and limit.index < other.index:
                continue  # Of two in one list the later one is told.
            if None not in (limit.model, other.model) and limit.model != other.model:
                continue
            floor, ceiling = (limit, other) if limit.key == "min" else (other, limit)
            if floor.value <= ceiling.value:
                continue
            at = other.owner.mark("gates", other.index, other.key)
            yield Finding(
                rule=RULE,
                message=f"nothing can pass both: {limit.metric!r} at least {floor.value:g}, and "
                f"{limit.metric!r} at most {ceiling.value:g}",
                hint="is one of the two the wrong way round?",
                at=limit.owner.mark("gates", limit.index, limit.key),
                related=((at, "the other limit"),),
            )
            break
