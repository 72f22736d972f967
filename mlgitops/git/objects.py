"""One long-lived ``git cat-file --batch``: an object costs a line to it, not a process."""

from __future__ import annotations

import subprocess
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress

from mlgitops.core.errors import GitError


class Objects:
    """Reads objects by name; ``start`` starts the process when the first one is asked for."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, name: str, at_most: int | None = None) -> bytes | None:
        """Return the bytes of an object, the first ``at_most`` of them; None when it is not here.

        ``name``: one line.
        """
        with self._lock:
            process = self._running()
            try:
                return _asked(process, name, at_most)
            except BaseException:
                # Half an answer would be taken for the next one.
                self._process = None
                _end(process)
                raise

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = self._start()
            weakref.finalize(self, _end, self._process)
        return self._process


def _asked(process: subprocess.Popen[bytes], name: str, at_most: int | None) -> bytes | None:
    given, answers = process.stdin, process.stdout
    assert given is not None and answers is not None
    try:
        given.write(name.encode("utf-8", "surrogateescape") + b"\n")
        given.flush()
    except OSError as error:
        raise GitError(f"git cat-file ended: {error}") from error
    head = answers.readline()
    parts = head.rstrip(b"\n").rsplit(b" ", 2)
    if parts[-1] in (b"missing", b"ambiguous"):
        return None
    if len(parts) != 3 or not parts[2].isdigit():
        raise GitError(f"git cat-file: {head.decode('utf-8', 'replace').strip() or 'it ended'}")
    size = int(parts[2])
    data = answers.read(size if at_most is None else min(size, at_most))
    left = size - len(data)
    while left > 0 and (passed := answers.read(min(left, 1 << 20))):
        left -= len(passed)
    if answers.read(1) != b"\n":
        raise GitError(f"git cat-file ended within {name}")
    return data


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()
