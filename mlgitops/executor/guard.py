"""What still runs is ended when this process dies, however it dies (``kill -9`` among others).

A shell of a few hundred kilobytes waits for the end of a pipe that only this process holds open,
then kills the process groups that are noted in a file which both have open. To note a group costs
one small write; nothing is asked of the jobs themselves, nor given to them.
"""

from __future__ import annotations

import functools
import os
import tempfile
import threading
from typing import Final

_SCRIPT: Final = 'read gone; while read group; do [ "$group" ] && kill -9 "-$group"; done <&1'
_WIDTH: Final = 12
_EMPTY: Final = b" " * (_WIDTH - 1) + b"\n"


class Guard:
    """Ends the noted process groups after this process; see ``guard`` for the one that there is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[int] = []
        self._used = 0
        with tempfile.TemporaryFile() as file:
            self._slots = os.dup(file.fileno())
        waiting, self._alive = os.pipe()
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            # In a session of its own: what ends the terminal or the group of this process must not
            # end it before its work is done.
            os.posix_spawn(
                "/bin/sh",
                ["sh", "-c", _SCRIPT],
                {},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, waiting, 0),
                    (os.POSIX_SPAWN_DUP2, self._slots, 1),
                    (os.POSIX_SPAWN_DUP2, nothing, 2),
                ],
                setsid=True,
            )
        finally:
            os.close(waiting)
            os.close(nothing)

    def note(self, group: int) -> int:
        """Note a process group; return what ``forget`` wants."""
        with self._lock:
            slot = self._free.pop() if self._free else self._used
            self._used = max(self._used, slot + 1)
        # pwrite leaves the offset alone, which the shell shares, and reads from.
        os.pwrite(self._slots, b"%*d\n" % (_WIDTH - 1, group), slot * _WIDTH)
        return slot

    def forget(self, slot: int) -> None:
        """Forget a group: before its leader is reaped, after which its number may be another's."""
        os.pwrite(self._slots, _EMPTY, slot * _WIDTH)
        with self._lock:
            self._free.append(slot)


@functools.cache
def guard() -> Guard:
    """Return the guard of this process, started when it is first asked for."""
    return Guard()
