"""Which gates the specs ask for, where they say so, and which models they are for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlgitops.core.drafts import Draft
from mlgitops.core.marks import Mark
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.models import Gate, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One gate in a spec. ``models``: those that it is for, as far as they could be read."""

    gate: Gate
    models: tuple[Located[Model], ...]
    owner: Located[Environment] | Located[Model]
    index: int

    def mark(self, key: str) -> Mark:
        """Return where the gate's ``key`` has its value."""
        return self.owner.mark("gates", self.index, key)


def gates(draft: Draft) -> Iterator[Asked]:
    """Yield every gate of every model and environment."""
    for model in draft.models:
        for index, gate in enumerate(model.spec.gates):
            yield Asked(gate=gate, models=(model,), owner=model, index=index)
    for environment in draft.environments:
        for index, gate in enumerate(environment.spec.gates):
            meant = tuple(m for m in draft.models if gate.model in (None, m.spec.name))
            yield Asked(gate=gate, models=meant, owner=environment, index=index)
