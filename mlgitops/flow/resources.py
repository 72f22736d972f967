"""Which steps fit beside those that run: cores, memory and graphics processors are shared out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from mlgitops.core.errors import Refused
from mlgitops.core.specs.base import size_in_bytes
from mlgitops.flow.checkout import Node
from mlgitops.flow.machine import Machine

# Less of a core than this is none: sums of fractions are not exact.
_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one step has while it runs."""

    cpu: float
    memory: int
    gpus: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Shares:
    """What is free of ``machine``. ``jobs``: how many steps run at once; None: as many as fit."""

    machine: Machine
    jobs: int | None = None
    _busy: int = 0
    _cpu: float = 0.0
    _memory: int = 0
    _gpus: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._gpus = list(self.machine.gpus)

    @property
    def at_once(self) -> int:
        """How many steps that ask for nothing run at once."""
        return self.jobs or self.machine.cores

    @property
    def full(self) -> bool:
        """Whether no step fits any more, whatever it asks for."""
        counted = self.jobs is not None and self._busy >= self.jobs
        return counted or self._cpu + _LEAST > self.machine.cores

    def take(self, node: Node) -> Share | None:
        """Return what the step has from now on; None while it does not fit beside the others.

        Refused when it asks for more than the machine has.
        """
        if self.full:
            return None
        asked = node.step.resources
        # With --jobs above the cores, a step that asks for nothing counts for its part of them.
        cpu = asked.cpu or min(1.0, self.machine.cores / self.at_once)
        memory = 0 if asked.memory is None else size_in_bytes(asked.memory)
        self._refuse(node, cpu, memory, asked.gpu)
        if (
            self._cpu + cpu > self.machine.cores + _LEAST
            or self._memory + memory > self.machine.memory
            or asked.gpu > len(self._gpus)
        ):
            return None
        given, self._gpus = tuple(self._gpus[: asked.gpu]), self._gpus[asked.gpu :]
        self._busy, self._cpu, self._memory = self._busy + 1, self._cpu + cpu, self._memory + memory
        return Share(cpu=cpu, memory=memory, gpus=given)

    def give_back(self, share: Share) -> None:
        """Take note that the step has ended."""
        self._busy, self._cpu = self._busy - 1, max(0.0, self._cpu - share.cpu)
        self._memory -= share.memory
        self._gpus = sorted((*self._gpus, *share.gpus), key=self.machine.gpus.index)

    def _refuse(self, node: Node, cpu: float, memory: int, gpu: int) -> None:
        """Raise Refused for a step that does not fit even alone."""
        asks: tuple[str, str, str, str] | None = None
        if cpu > self.machine.cores:
            asks = ("cpu", f"{cpu:g} cores", f"{self.machine.cores}", "")
        elif memory > self.machine.memory:
            has = f"{self.machine.memory / (1 << 30):.1f} GiB"
            asks = ("memory", f"{node.step.resources.memory} of memory", has, "")
        elif gpu > len(self.machine.gpus):
            hint = "name them by CUDA_VISIBLE_DEVICES, or their number by MLGITOPS_GPUS; or "
            asks = ("gpu", f"{gpu} graphics processors", f"{len(self.machine.gpus)}", hint)
        if asks is not None:
            key, wanted, has, hint = asks
            raise Refused(
                f"{node.name} asks for {wanted}, and this machine has {has}",
                hint=f"{hint}run it on a larger machine, or ask for less",
                at=node.mark("resources", key),
            )


def threads(node: Node, default: int) -> int:
    """Return how many threads the step may use: as many as the cores that it asks for.

    It follows from the specs and the machine alone, never from what happens to run: a sum over more
    threads can differ in its last bit, and with it a model's bytes.
    """
    asked = node.step.resources.cpu
    return default if asked is None else max(1, math.floor(asked))
