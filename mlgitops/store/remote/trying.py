"""Try again what may work the next time: growing pauses, and no end to it while it goes forward."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

FIRST_PAUSE: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 10.0
# About a minute of pauses: a registry that is restarted is there again.
ATTEMPTS: Final = 10


class Patience:
    """How long one piece of work is tried: ``attempts`` failures in a row, then no more."""

    def __init__(
        self, attempts: int = ATTEMPTS, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._attempts = attempts
        self._failures = 0
        self._sleep = sleep

    @property
    def failures(self) -> int:
        """How many failures in a row there were."""
        return self._failures

    def progress(self) -> None:
        """Take note that something worked: failures are counted anew."""
        self._failures = 0

    def another(self, wanted: float | None = None) -> bool:
        """Wait after a failure; False when it is not worth another attempt.

        ``wanted``: the seconds that the server asked for.
        """
        self._failures += 1
        if self._failures >= self._attempts:
            return False
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self._failures - 1))
        pause = random.uniform(longest / 2, longest)
        self._sleep(max(pause, min(wanted or 0.0, 60.0)))
        return True
