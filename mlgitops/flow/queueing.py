"""Which steps can be looked at next: each after all that it needs, and else as in the specs.

The work of a whole run grows with the number of steps and of their inputs, not with its square.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TypeAlias

# A step's number, and which of its elements; WHOLE before it is known whether it has any.
Place: TypeAlias = "tuple[int, int]"
WHOLE = -1


class Queue:
    """The steps that wait for nothing any more. ``needs``: of each step, the numbers of others."""

    def __init__(self, needs: Sequence[Sequence[int]]) -> None:
        self._open = [len(wanted) for wanted in needs]
        self._users: list[list[int]] = [[] for _ in needs]
        for number, wanted in enumerate(needs):
            for one in wanted:
                self._users[one].append(number)
        # Sorted, and so a heap.
        self._ready: list[Place] = [(n, WHOLE) for n, count in enumerate(self._open) if not count]

    def __len__(self) -> int:
        return len(self._ready)

    def next(self) -> Place:
        """Take the first step that is ready; IndexError when there is none."""
        return heapq.heappop(self._ready)

    def put(self, place: Place) -> None:
        """Make a step or an element of one ready (again)."""
        heapq.heappush(self._ready, place)

    def done(self, number: int) -> None:
        """Take note that the step has its result, so that others may be ready."""
        for user in self._users[number]:
            self._open[user] -= 1
            if not self._open[user]:
                heapq.heappush(self._ready, (user, WHOLE))
