"""When one gate asks at least as much as another one, so that the other one decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlgitops.core.specs.base import seconds, size_in_bytes
from mlgitops.core.specs.gates import Gate


@dataclass(frozen=True, slots=True)
class Demand:
    """What a gate asks, so that demands on the same ``about`` compare: more is stricter."""

    about: tuple[object, ...]
    much: tuple[float, ...]

    def covers(self, other: Demand) -> bool:
        """Return whether whatever meets this demand meets the ``other`` one, too."""
        return self.about == other.about and all(
            mine >= theirs for mine, theirs in zip(self.much, other.much, strict=True)
        )


def demand(gate: Gate) -> Demand:
    """Return what ``gate`` asks, whichever model it is for."""
    match gate.kind:
        case "metric" if gate.min is not None:
            return Demand(("min", gate.metric), (gate.min,))
        case "metric" if gate.max is not None:
            return Demand(("max", gate.metric), (-gate.max,))
        case "metric" | "slices":
            return Demand((gate.kind, gate.metric), (-gate.margin, gate.confidence))
        case "size_max" if gate.size_max is not None:
            return Demand(("size_max",), (-size_in_bytes(gate.size_max),))
        case "latency_p99" if gate.latency_p99 is not None:
            return Demand(("latency_p99",), (-seconds(gate.latency_p99),))
        case "freshness" if gate.freshness is not None:
            return Demand(("freshness",), (-seconds(gate.freshness),))
        case "soak" if gate.soak is not None:
            return Demand(("soak", gate.in_), (seconds(gate.soak),))
        case "health":
            return Demand(("health", gate.health), (float(gate.not_enough == "wait"),))
        case "run":
            return Demand(("run", gate.run), ())
        case "command":
            return Demand(("command", tuple(gate.command or ())), ())
        case kind:
            return Demand((kind,), ())


def covering(gates: Iterable[tuple[int, Gate]], wanted: Gate) -> int | None:
    """Return the index of a gate that asks at least as much of all models that ``wanted`` is for.

    ``gates`` are given with their index.
    """
    asked = demand(wanted)
    for index, gate in gates:
        if gate.model in (None, wanted.model) and demand(gate).covers(asked):
            return index
    return None
