"""The executor: one command in one prepared directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command with its own directory and nothing but the environment given here."""

    name: str
    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    log: Path
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the command ended. Seconds, and bytes (``peak_memory``, its largest process)."""

    exit_code: int
    timed_out: bool
    wall: float
    cpu: float
    peak_memory: int


class Executor(Protocol):
    """Runs jobs; ``run`` may be called from several threads at once."""

    def run(self, job: Job) -> Outcome:
        """Run to the end, output to ``job.log``. Over time, the whole process group is killed."""
        ...

    def stop(self) -> None:
        """Kill everything that still runs (for an interrupt); later calls to ``run`` refuse."""
        ...
