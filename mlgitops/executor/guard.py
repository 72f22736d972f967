"""What still runs is ended when this process dies, however it dies (``kill -9`` among others).

A shell of a few hundred kilobytes waits for the end of a pipe that only this process holds open,
then kills the process groups that are noted in a file which both have open. To note a group costs
nothing; nothing is asked of the jobs themselves, nor given to them.
"""

from __future__ import annotations

import functools
import mmap
import os
import tempfile
import threading
from typing import IO, Final

_SCRIPT: Final = 'read gone; while read group; do [ "$group" ] && kill -9 "-$group"; done <&1'
_WIDTH: Final = 12
_SLOTS: Final = 1024  # more jobs than run at once
_EMPTY: Final = b" " * (_WIDTH - 1) + b"\n"


class Guard:
    """Ends the noted process groups after this process; see ``guard`` for the one that there is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = list(range(_SLOTS))
        waiting, self._alive = os.pipe()
        nothing = os.open(os.devnull, os.O_RDWR)
        with _file() as file:
            file.write(_EMPTY * _SLOTS)
            file.seek(0)
            self._slots = mmap.mmap(file.fileno(), 0)
            # In a session of its own: what ends the terminal or the group of this process must
            # not end it before its work is done.
            os.posix_spawn(
                "/bin/sh",
                ["sh", "-c", _SCRIPT],
                {},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, waiting, 0),
                    (os.POSIX_SPAWN_DUP2, file.fileno(), 1),
                    (os.POSIX_SPAWN_DUP2, nothing, 2),
                ],
                setsid=True,
            )
        os.close(waiting)
        os.close(nothing)

    def note(self, group: int) -> int:
        """Note a process group; return what ``forget`` wants."""
        with self._lock:
            slot = self._free.pop()
        self._write(slot, b"%*d\n" % (_WIDTH - 1, group))
        return slot

    def forget(self, slot: int) -> None:
        """Forget a group that has ended."""
        self._write(slot, _EMPTY)
        with self._lock:
            self._free.append(slot)

    def _write(self, slot: int, line: bytes) -> None:
        # Into memory that is the file: no call of the system, for which other threads would wait.
        self._slots[slot * _WIDTH : (slot + 1) * _WIDTH] = line


def _file() -> IO[bytes]:
    """Return a file without a name; in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("mlgitops-jobs"), "w+b")
    return tempfile.TemporaryFile()


@functools.cache
def guard() -> Guard:
    """Return the guard of this process, started when it is first asked for."""
    return Guard()
