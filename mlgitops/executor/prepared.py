"""Start workers from processes that have imported their libraries already (``executor.parent``).

A worker is a cold interpreter otherwise, which spends most of a short step on `import pandas`. One
parent serves all jobs whose environment is the same but for their own folders: libraries read
theirs when they are imported. Whatever goes wrong here, the job is started cold instead.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from mlgitops.executor import Job
from mlgitops.executor.guard import guard

# What differs from job to job, and is read when it is used.
_OWN: Final = frozenset({"HOME", "TMPDIR"})
_PATIENCE: Final = 20  # how often a job is told to end before its parent is not waited for
_LARGEST: Final = 1 << 16
_Key: TypeAlias = "tuple[str, frozenset[tuple[str, str]]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job ended: its status as ``wait`` gives it, processor seconds, memory in bytes."""

    status: int
    cpu: float
    memory: int


KILLED: Final = Ended(status=signal.SIGKILL, cpu=0.0, memory=0)


@dataclass(slots=True, kw_only=True)
class Asked:
    """A job that a parent was asked to do. ``pid``: of its process, when that is known.

    ``told``: how often it was told to end.
    """

    answer: socket.socket
    parent: _Warm
    pid: int = 0
    slot: int = 0
    told: int = 0

    def kill(self) -> None:
        """End it; may be called again and again, in any thread, until it has ended."""
        self.told += 1
        patient = self.told <= _PATIENCE
        if not patient and self.pid:
            self._kill_group()
        # Out of patience this side stops waiting, too: the parent is long in an import, or stopped.
        with suppress(OSError):
            self.answer.shutdown(socket.SHUT_WR if patient else socket.SHUT_RDWR)

    def started(self) -> bool:
        """Wait until it runs; False when it has to be started cold."""
        said = self._receive()
        self.pid = int(said.get("pid", 0))
        if not said:
            self.parent.lost = True
        if not self.pid:
            self.answer.close()
            return False
        # Its parent would end it, too, unless that dies before it can.
        self.slot = guard().note(self.pid)
        return True

    def wait(self) -> Ended:
        """Wait until it has ended. When its parent ended instead, it is killed."""
        said = self._receive()
        self.answer.close()
        guard().forget(self.slot)
        if not said:
            self.parent.lost = True
            self._kill_group()
            return KILLED
        memory = int(said["memory"]) * 1024
        return Ended(status=int(said["status"]), cpu=said["cpu"], memory=memory)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _receive(self) -> Mapping[str, float]:
        try:
            data = self.answer.recv(_LARGEST)
        except OSError:
            data = b""
        return json.loads(data) if data else {}


class _Warm:
    """One parent. ``lost``: it ended, or does not listen.

    It ends by itself when this process does, and cleans up then: the guard need not know of it.
    """

    def __init__(self, python: str, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.lost = False
        try:
            self._process = subprocess.Popen(
                (python, "-P", "-m", "mlgitops.executor.parent"),
                cwd="/",
                env=environment,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            theirs.close()

    def expect(self, imports: Iterable[str]) -> None:
        """Have modules imported while there is nothing else to do."""
        with suppress(OSError):
            self._control.send(json.dumps({"imports": list(imports)}).encode())

    def ask(self, job: Job) -> Asked | None:
        """Ask for a worker; None when the parent does not hear."""
        assert job.worker is not None
        asked = {
            "task": job.argv[-1],
            "directory": str(job.directory),
            "environment": dict(job.environment),
            "log": str(job.log),
            "imports": job.worker.imports,
            "folders": job.worker.folders,
        }
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._control, [json.dumps(asked).encode()], [theirs.fileno()])
            except OSError:
                mine.close()
                self.lost = True
                return None
        return Asked(answer=mine, parent=self)

    def close(self) -> None:
        """Have it end after the jobs that it was asked for; wait for that."""
        self.lost = True
        with suppress(OSError):
            self._control.send(json.dumps({"close": True}).encode())
        self._process.wait()
        self._control.close()


@dataclass(slots=True)
class Prepared:
    """The parents of one executor, each started when it is first wanted."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _parents: dict[_Key, _Warm] = field(default_factory=dict)

    def expect(self, job: Job) -> None:
        """Start what ``ask`` will want of this kind of job, and return before it is ready."""
        warm = self._of(job)
        if warm is not None and job.worker is not None:
            warm.expect(job.worker.imports)

    def ask(self, job: Job) -> Asked | None:
        """Ask for the job's worker; None when it has to be started cold."""
        warm = self._of(job)
        return None if warm is None else warm.ask(job)

    def close(self) -> None:
        """Let all parents end."""
        with self._lock:
            parents, self._parents = self._parents, {}
        for warm in parents.values():
            warm.close()

    def _of(self, job: Job) -> _Warm | None:
        if job.worker is None or sys.platform != "linux":
            return None
        shared = {name: text for name, text in job.environment.items() if name not in _OWN}
        key = (job.argv[0], frozenset(shared.items()))
        with self._lock:
            warm = self._parents.get(key)
            if warm is None:
                try:
                    own = {"TMPDIR": tempfile.gettempdir()}
                    warm = self._parents[key] = _Warm(job.argv[0], {**shared, **own})
                except OSError:
                    return None
        return None if warm.lost else warm
