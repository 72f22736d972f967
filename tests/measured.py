"""The real command in a process of its own, with what it cost."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = Path(sys.executable).with_name("mlgitops")

# Linux counts the memory of the process that forks as the child's: a small one stands in between.
# The address space is a guard for the machine, not the promise; the promise is on what is resident.
_LAUNCHER = """
import json, os, resource, sys, time
command, cwd, report, space = sys.argv[4:], sys.argv[1], sys.argv[2], int(sys.argv[3])
child = os.fork()
if child == 0:
    os.chdir(cwd)
    if space:
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
    os.execv(command[0], command)
started = time.monotonic()
_, status, usage = os.wait4(child, 0)
with open(report, "w") as stream:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime,
               time.monotonic() - started, usage.ru_maxrss], stream)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A finished call: ``seconds`` of processor time and ``wall`` time, ``megabytes`` resident.

    ``code`` is negative for the signal that ended it.
    """

    code: int
    out: str
    err: str
    seconds: float
    wall: float
    megabytes: float


def measured(
    args: Sequence[str],
    cwd: Path,
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    address_space: int = 2_000_000_000,
    command: Sequence[str] = (str(COMMAND),),
    stdout: int = subprocess.PIPE,
) -> Measured:
    """Run ``mlgitops ARGS`` in ``cwd``; TimeoutExpired, with the process ended, when it hangs."""
    report = cwd.parent / f".{cwd.name}.cost.json"
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", _LAUNCHER, cwd, report, str(address_space), *command, *args],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, 9)
            raise
    code, seconds, wall, peak = json.loads(report.read_text())
    return Measured(
        code=code,
        out=(out or b"").decode("utf-8", "surrogateescape"),
        err=err.decode("utf-8", "surrogateescape"),
        seconds=seconds,
        wall=wall,
        megabytes=peak / (1e6 if sys.platform == "darwin" else 1e3),
    )
