"""What a verb may touch: the repository, the seams, the clock, a way to say what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mlgitops.executor import Executor
from mlgitops.forge import Forge
from mlgitops.git import Repository
from mlgitops.store import Store
from mlgitops.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """Made by ``wiring`` alone. ``clock`` answers in UTC; ``say`` shows one line of progress."""

    repository: Repository
    store: Store
    forge: Forge
    executor: Executor
    targets: Mapping[str, Target]
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    branch: str
    python: str
    ci: bool = False
