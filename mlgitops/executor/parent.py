"""The prepared parent: ``python -P -m mlgitops.executor.parent``, a socket on its standard input.

It imports what steps need while nothing is asked of it, and forks one child for each job: a worker
that finds its libraries imported. It never computes and never imports the user's own modules, and
it refuses to fork when threads run in it that would not survive that. It ends with the other end
of its socket, and its children with it. ``executor.prepared`` is the other side.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from mlgitops.executor import worker

_LARGEST: Final = 1 << 20
_SET_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG
# The allocator stops its thread before a fork and starts it again after it.
_SAFE_THREADS: Final = frozenset({"jemalloc_bg_thd"})


class Parent:
    """Serves the jobs that come by ``control``."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, socket.socket] = {}
        self._wanted: list[str] = []
        self._known: set[str] = set()
        self._tops: set[str] = set()
        self._fit = True
        self._closing = False
        self._die_with_parent: Callable[..., int] = ctypes.CDLL(None).prctl
        # poll, and no epoll: a forked child shares the latter's list with its parent.
        self._selector = selectors.PollSelector()
        self._ended, wake = socket.socketpair()
        for end in (self._ended, wake):
            end.setblocking(False)
        self._wake = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._ended, selectors.EVENT_READ)

    def serve(self) -> str | None:
        """Return the task of a job in the child that is to do it, None in the parent at the end."""
        while self._children or not self._closing:
            events = self._selector.select(0 if self._wanted else None)
            if not events:
                self._import(self._wanted.pop(0))
            for key, _ in events:
                if key.fileobj is self._ended:
                    self._reap()
                elif key.fileobj is self._control:
                    data, descriptors, _, _ = socket.recv_fds(self._control, _LARGEST, 1)
                    if not data:
                        self._leave()
                        return None
                    task = self._take(json.loads(data), descriptors)
                    if task is not None:
                        return task
                else:
                    # The other side closes when the job is to end: over time, or stopped.
                    self._kill(cast(socket.socket, key.fileobj))
        return None

    def _take(self, asked: Mapping[str, object], descriptors: list[int]) -> str | None:
        if "close" in asked:
            self._closing = True
            return None
        imports = cast("list[str]", asked["imports"])
        if not descriptors:
            self._wanted += [name for name in imports if name not in self._known]
            return None
        answer = socket.socket(fileno=descriptors[0])
        for name in imports:
            self._import(name)
        gc.collect()
        gc.freeze()
        if _gone(answer):
            answer.close()
            return None
        if not self._safe() or self._shadowed(cast("list[str]", asked["folders"])):
            _send(answer, {"cold": True})
            answer.close()
            return None
        pid = os.fork()
        if pid == 0:
            answer.close()
            return self._become(asked)
        self._children[pid] = answer
        self._selector.register(answer, selectors.EVENT_READ)
        _send(answer, {"pid": pid})
        return None

    # -- in the child -----------------------------------------------------------------------

    def _become(self, asked: Mapping[str, object]) -> str:
        """Make this child what a process would be that was started for the job."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        self._die_with_parent(_SET_DEATH_SIGNAL, signal.SIGKILL)
        for end in (*self._children.values(), self._ended, self._wake):
            end.close()
        log = os.open(str(asked["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        nothing = os.open(os.devnull, os.O_RDONLY)
        self._control.detach()  # it is the standard input, which is replaced here
        for descriptor, place in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, place)
        os.close(log)
        os.close(nothing)
        os.environ.clear()
        os.environ.update(cast("dict[str, str]", asked["environment"]))
        os.chdir(str(asked["directory"]))
        tempfile.tempdir = None
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            # Or each child would draw the same "random" numbers; Python's own are seeded anew.
            numpy.random.seed()
        sys.argv = [str(worker.__file__), str(asked["task"])]
        return str(asked["task"])

    # -- children of this process -----------------------------------------------------------

    def _kill(self, answer: socket.socket) -> None:
        self._selector.unregister(answer)
        for pid, one in self._children.items():
            if one is answer:
                _kill_group(pid)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            while self._ended.recv(4096):
                pass
        for pid, answer in list(self._children.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                continue
            # Before it is reaped: as long as it is a zombie its group's number is nobody else's.
            _kill_group(pid)
            _, status, usage = os.wait4(pid, 0)
            cpu = usage.ru_utime + usage.ru_stime
            _send(answer, {"status": status, "cpu": cpu, "memory": usage.ru_maxrss})
            with suppress(KeyError):
                self._selector.unregister(answer)
            answer.close()
            del self._children[pid]

    def _leave(self) -> None:
        for pid in self._children:
            _kill_group(pid)

    # -- what is imported -------------------------------------------------------------------

    def _import(self, name: str) -> None:
        """Import a library; what cannot be imported fails in the step, where it is shown."""
        if name in self._known:
            return
        self._known.add(name)
        self._fit = False  # until looked at: it may have started threads
        with suppress(Exception):
            if _installed(name.partition(".")[0]):
                importlib.import_module(name)
        # Not mlgitops: a cold worker has it imported too, whatever lies in the repository.
        self._tops = {module.partition(".")[0] for module in sys.modules} - {"mlgitops"}

    def _safe(self) -> bool:
        """Whether a fork takes all of this process along: threads are not.

        OpenBLAS ends its threads before a fork, so that it is looked at after one.
        """
        if not self._fit:
            if len(_threads()) > 1:
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                os.waitpid(pid, 0)
            self._fit = not set(_threads()[1:]) - _SAFE_THREADS
        return self._fit

    def _shadowed(self, folders: Iterable[str]) -> bool:
        """Whether a module of the user's own goes by the name of one that is imported here."""
        for folder in folders:
            for entry in Path(folder).iterdir():
                top, dot, _ = entry.name.partition(".")
                if top in self._tops and (dot or (entry / "__init__.py").exists()):
                    return True
        return False


def _installed(top: str) -> bool:
    """Whether it is a library: installed where libraries are, not a folder that is worked in."""
    spec = importlib.util.find_spec(top)
    origin = spec.origin if spec is not None else None
    return origin is not None and ("-packages" in origin or origin in ("built-in", "frozen"))


def _threads() -> list[str]:
    """Return the names of this process's threads, that of the first one first."""
    names = []
    for task in sorted(Path("/proc/self/task").iterdir(), key=lambda path: int(path.name)):
        with suppress(OSError):
            names.append((task / "comm").read_text(encoding="utf-8").strip())
    return names


def _send(answer: socket.socket, value: Mapping[str, object]) -> None:
    with suppress(OSError):
        answer.send(json.dumps(value).encode())


def _gone(answer: socket.socket) -> bool:
    """Whether the other side has closed, which never sends anything."""
    try:
        return answer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _kill_group(leader: int) -> None:
    # Killed in its first moment it may not lead a group yet.
    with suppress(ProcessLookupError, PermissionError):
        os.kill(leader, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def main() -> int:
    """Serve until the other end closes; in a child, do its task and return its exit code."""
    home = tempfile.mkdtemp(prefix="mlgitops-prepared-")
    os.environ.update(HOME=home, TMPDIR=home)
    task = Parent(socket.socket(fileno=0)).serve()
    if task is not None:
        return worker.main([task])
    shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
