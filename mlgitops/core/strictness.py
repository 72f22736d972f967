"""When one gate asks at least as much as another one, so that the other one decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlgitops.core.specs.base import seconds, size_in_bytes
from mlgitops.core.specs.gates import Gate


@dataclass(frozen=True, slots=True)
class Demand:
    """What a gate asks of ``model`` (None: of all), so that demands ``about`` the same compare.

    More of ``much`` is stricter.
    """

    model: str | None
    about: tuple[object, ...]
    much: tuple[float, ...] = ()

    def covers(self, other: Demand) -> bool:
        """Return whether whatever meets this demand meets the ``other`` one, too."""
        return (
            self.about == other.about
            and self.model in (None, other.model)
            and all(mine >= theirs for mine, theirs in zip(self.much, other.much, strict=True))
        )


def demands(gates: Iterable[Gate], model: str | None = None) -> tuple[Demand, ...]:
    """Return what each of ``gates`` asks; ``model``: whose own gates they are."""
    return tuple(Demand(gate.model or model, *_asked(gate)) for gate in gates)


def _asked(gate: Gate) -> tuple[tuple[object, ...], tuple[float, ...]]:
    match gate.kind:
        case "metric" if gate.min is not None:
            return ("min", gate.metric), (gate.min,)
        case "metric" if gate.max is not None:
            return ("max", gate.metric), (-gate.max,)
        case "metric" | "slices" as kind:
            return (kind, gate.metric, gate.looks), (-gate.margin, gate.confidence)
        case "size_max" if gate.size_max is not None:
            return ("size_max",), (-size_in_bytes(gate.size_max),)
        case "latency_p99" if gate.latency_p99 is not None:
            return ("latency_p99",), (-seconds(gate.latency_p99),)
        case "freshness" if gate.freshness is not None:
            return ("freshness",), (-seconds(gate.freshness),)
        case "soak" if gate.soak is not None:
            return ("soak", gate.in_), (seconds(gate.soak),)
        case "health":
            return ("health", gate.health), (float(gate.not_enough == "wait"),)
        case "run":
            return ("run", gate.run), ()
        case "command":
            return ("command", *(gate.command or ())), ()
        case kind:
            return (kind,), ()


def covering(others: Sequence[Demand], wanted: Demand) -> int | None:
    """Return the index of one of ``others`` that asks at least as much as ``wanted``."""
    for index, other in enumerate(others):
        if other.covers(wanted):
            return index
    return None
