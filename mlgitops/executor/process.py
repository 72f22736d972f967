"""Jobs as processes of this machine, each in a session and process group of its own."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlgitops.core.errors import StepFailed, TryLater
from mlgitops.executor import Job, Outcome
from mlgitops.executor.prepared import KILLED, Ended, Prepared

_MAXRSS_UNIT: Final = 1024  # Linux counts in KiB
_LOOK: Final = 0.1  # seconds between two looks at what runs
_LINGER: Final = 30  # looks at nothing before the watcher ends
_NO_LOOK: Final = 1 << 62  # more than there is to see


@dataclass(slots=True, kw_only=True, eq=False)
class _Running:
    """A job that runs. ``seen``: the most memory that it was seen to have used, in bytes."""

    pid: int
    deadline: float
    kill: Callable[[], None]
    over_time: bool = False
    seen: int = 0


class ProcessExecutor:
    """See ``Executor``. What a job leaves running in its process group ends with it.

    One thread watches over all jobs; the thread that calls ``run`` only waits. ``prepared``: start
    workers from processes that have imported their libraries already.
    """

    def __init__(self, *, prepared: bool = True) -> None:
        self._lock = threading.Lock()
        self._running: set[_Running] = set()
        self._watched = False
        self._stopped = False
        self._prepared = Prepared() if prepared else None

    def run(self, job: Job) -> Outcome:
        """See ``Executor.run``. StepFailed when the command cannot be started at all."""
        if self._stopped:
            raise TryLater(f"{job.name} was not started: the run was stopped")
        started = time.perf_counter()
        found = None
        if job.worker is not None and self._prepared is not None:
            found = self._forked(job, self._prepared)
        ended, over_time = found or self._spawned(job)
        return Outcome(
            exit_code=os.waitstatus_to_exitcode(ended.status),
            timed_out=over_time,
            wall=time.perf_counter() - started,
            cpu=ended.cpu,
            peak_memory=ended.memory,
        )

    def expect(self, job: Job) -> None:
        """See ``Executor.expect``."""
        if self._prepared is not None and not self._stopped:
            self._prepared.expect(job)
            self._keep_watch()

    def stop(self) -> None:
        """See ``Executor.stop``."""
        with self._lock:
            self._stopped = True
            for one in self._running:
                one.kill()

    def _spawned(self, job: Job) -> tuple[Ended, bool]:
        """Run a new process to its end; say whether it was over its time."""
        from mlgitops.executor.guard import guard

        pid = _start(job)
        slot = guard().note(pid)
        running = _Running(
            pid=pid,
            deadline=time.monotonic() + job.timeout,
            kill=functools.partial(_kill_group, pid),
        )
        self._add(running)
        try:
            _, status, usage = os.wait4(pid, 0)
        finally:
            # Its number is safe in these few lines: numbers are given out in turn, and not at all
            # as long as one of its group is left. To ask first, and then to reap, takes longer.
            _kill_group(pid)
            self._remove(running)
            guard().forget(slot)
        memory = _peak(usage.ru_maxrss * _MAXRSS_UNIT, running.seen)
        cpu = usage.ru_utime + usage.ru_stime
        return Ended(status=status, cpu=cpu, memory=memory), running.over_time

    def _forked(self, job: Job, prepared: Prepared) -> tuple[Ended, bool] | None:
        """Run a child of a prepared parent to its end; None: it was not started."""
        asked = prepared.ask(job)
        if asked is None:
            return None
        deadline = time.monotonic() + job.timeout
        running = _Running(pid=0, deadline=deadline, kill=asked.kill, seen=_NO_LOOK)
        try:
            self._add(running)
            if asked.started():
                return asked.wait(), running.over_time
            if not asked.told:
                return None
            job.log.touch()
            return KILLED, running.over_time
        finally:
            self._remove(running)

    def _add(self, running: _Running) -> None:
        with self._lock:
            self._running.add(running)
            if self._stopped:
                running.kill()
        self._keep_watch()

    def _remove(self, running: _Running) -> None:
        with self._lock:
            self._running.discard(running)

    def _keep_watch(self) -> None:
        with self._lock:
            if self._watched:
                return
            self._watched = True
        threading.Thread(target=self._watch, daemon=True, name="jobs").start()

    def _watch(self) -> None:
        """Kill what is over its time, and see what uses little memory; end when all is done."""
        idle = 0
        while True:
            time.sleep(_LOOK)
            with self._lock:
                idle = 0 if self._running else idle + 1
                if idle > _LINGER:
                    self._watched = False
                    break
                now = time.monotonic()
                for one in self._running:
                    one.over_time = one.over_time or now > one.deadline
                    if one.over_time or self._stopped:
                        one.kill()
                looked = list(self._running)
            own = _high_water(os.getpid()) if looked else 0
            for one in looked:
                if one.seen <= own:
                    one.seen = max(one.seen, _high_water(one.pid))
        if self._prepared is not None:
            self._prepared.close()


def _start(job: Job) -> int:
    from mlgitops.executor.spawning import spawn

    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        return spawn(
            _program(job.argv[0], job.environment.get("PATH", os.defpath)),
            job.argv,
            directory=job.directory,
            environment=job.environment,
            stdin=_nothing(),
            output=log,
        )
    except OSError as error:
        raise StepFailed(
            f"{job.name}: cannot start {job.argv[0]!r}: {error.strerror}",
            hint="is it installed, and on the PATH?",
        ) from error
    finally:
        os.close(log)


@functools.cache
def _program(name: str, path: str) -> str:
    """Return where a command is on ``path``, looked up once; what has a slash is a place already.

    Raises FileNotFoundError when it is nowhere, or only in a folder that is no absolute one.
    """
    if "/" in name:
        return name
    absolute = os.pathsep.join(one for one in path.split(os.pathsep) if one.startswith("/"))
    found = shutil.which(name, path=absolute)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    return found


@functools.cache
def _nothing() -> int:
    """Return what a job reads where nothing is, open once for all."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


def _peak(counted: int, seen: int) -> int:
    """Return a child's peak memory.

    Linux counts a child from its fork, when it still had the memory of this process: what it counts
    is the child's own only above what this process ever had. Below, what was seen is nearer.
    """
    return counted if not seen or counted > _high_water(os.getpid()) else seen


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    _, found, rest = status.partition(b"VmHWM:")
    return int(rest.split(None, 1)[0]) * 1024 if found else 0


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
