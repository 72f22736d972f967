"""What happens in a run, as it happens: for whoever shows it. Nothing is decided by these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mlgitops.core.digests import Digest

# Names of steps are those that people read: ``pipeline.step``, ``pipeline.step[element]``.


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """``total`` steps are looked at, at most ``jobs`` run at once."""

    total: int
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsFound:
    """The step ``name`` turned out to be ``count`` steps, one for each element."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step runs now. ``usual``: the seconds that it took last time, None when that is unknown."""

    name: str
    because: tuple[str, ...]
    notes: tuple[str, ...] = ()
    usual: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWaiting:
    """Another run does the same work now; its result is taken when it is there."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetrying:
    """An attempt failed; the next one starts after ``wait`` seconds."""

    name: str
    attempt: int
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """A step ran to its end. ``elsewhere``: in another run, which this one waited for.

    ``log``: what it printed, in the store.
    """

    name: str
    seconds: float
    notes: tuple[str, ...] = ()
    elsewhere: bool = False
    log: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReused:
    """The work was known already."""

    name: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped:
    """The step is not meant to run this time."""

    name: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step failed. ``message``: what the error says; its last block shows what was printed."""

    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """How many steps did what. ``left``: they were not reached, by a failure or an interrupt."""

    ran: int
    reused: int
    skipped: int
    failed: int
    seconds: float
    left: int = 0


Event: TypeAlias = (
    RunStarted
    | StepsFound
    | StepStarted
    | StepWaiting
    | StepRetrying
    | StepDone
    | StepReused
    | StepSkipped
    | StepFailed
    | RunEnded
)
