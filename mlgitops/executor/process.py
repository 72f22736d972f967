"""Jobs as processes of this machine, each in a session and process group of its own."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from mlgitops.core.errors import StepFailed, TryLater
from mlgitops.executor import Job, Outcome
from mlgitops.executor.tasks import LIFELINE

_MAXRSS_UNIT: Final = 1024  # Linux counts in KiB
_LOOK: Final = 0.1  # seconds between two looks at a child's memory


class ProcessExecutor:
    """See ``Executor``. What a job leaves running in its process group ends with it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: set[int] = set()
        self._stopped = False

    def run(self, job: Job) -> Outcome:
        """See ``Executor.run``. StepFailed when the command cannot be started at all."""
        started = time.perf_counter()
        # The other end closes when this process dies, however it dies; a worker then ends itself.
        inner, outer = os.pipe()
        try:
            process = self._start(job, inner)
        finally:
            os.close(inner)
        over_time = threading.Event()
        timer = threading.Timer(job.timeout, self._end, (process.pid, over_time))
        timer.daemon = True
        timer.start()
        seen = 0
        try:
            # Without reaping it: as long as the leader is a zombie its group's number is ours.
            seen = _watch(process.pid)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        finally:
            timer.cancel()
            with self._guard:
                self._running.discard(process.pid)
                _kill_group(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            os.close(outer)
        return Outcome(
            exit_code=process.returncode,
            timed_out=over_time.is_set(),
            wall=time.perf_counter() - started,
            cpu=usage.ru_utime + usage.ru_stime,
            peak_memory=_peak(usage.ru_maxrss * _MAXRSS_UNIT, seen),
        )

    def stop(self) -> None:
        """See ``Executor.stop``."""
        with self._guard:
            self._stopped = True
            for pid in self._running:
                _kill_group(pid)

    def _start(self, job: Job, lifeline: int) -> subprocess.Popen[bytes]:
        with self._guard, job.log.open("ab") as log:
            if self._stopped:
                raise TryLater(f"{job.name} was not started: the run was stopped")
            try:
                process = subprocess.Popen(
                    job.argv,
                    cwd=job.directory,
                    env={**job.environment, LIFELINE: str(lifeline)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(lifeline,),
                )
            except OSError as error:
                raise StepFailed(
                    f"{job.name}: cannot start {job.argv[0]!r}: {error.strerror}",
                    hint="is it installed, and on the PATH?",
                ) from error
            self._running.add(process.pid)
        return process

    def _end(self, pid: int, over_time: threading.Event) -> None:
        with self._guard:
            if pid in self._running:
                over_time.set()
                _kill_group(pid)


def _watch(pid: int) -> int:
    """Wait until ``pid`` ends; return the most memory that it was seen to use, in bytes, or 0."""
    if not hasattr(os, "pidfd_open"):
        return 0
    most = 0
    handle = os.pidfd_open(pid)
    try:
        while not select.select([handle], [], [], _LOOK)[0]:
            most = max(most, _high_water(pid))
    finally:
        os.close(handle)
    return most


def _peak(counted: int, seen: int) -> int:
    """Return a child's peak memory.

    Linux counts a child from its fork, when it still was a copy of this process: what it counts is
    the child's own only above what this process ever had. Below, what was seen is nearer.
    """
    return counted if counted > _high_water(os.getpid()) or not seen else seen


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
