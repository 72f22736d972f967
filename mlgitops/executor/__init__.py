"""The executor: one command in one prepared directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What is known of a worker before it starts, so that an executor may have it prepared.

    ``imports``: libraries that it will import. ``folders``: whose modules come before those.
    """

    imports: tuple[str, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command with its own directory and nothing but the environment given here.

    ``worker``: the command is ``executor.worker`` with a task file; None for any other.
    """

    name: str
    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    log: Path
    timeout: float
    worker: Worker | None = None


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

    def expect(self, job: Job) -> None:
        """Workers like ``job`` will be run soon: get ready for them beside what else is done."""
        ...

    def stop(self) -> None:
        """Kill everything that still runs (for an interrupt); later calls to ``run`` refuse."""
        ...
