"""Lock files that the system frees on any death, and that leave no litter behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_LONGEST_PAUSE: Final = 0.1
# Locks of one byte that belong to an open file, not to the process (Linux): nothing has to be made
# or removed for them, and threads exclude each other, too.
_BY_BYTE: Final = getattr(fcntl, "F_OFD_SETLK", None)
_NAME_DIGITS: Final = 15


class Held:
    """The lock ``name`` (hex digits) below ``root``, held alone among processes and threads.

    While another holds it, ``waiting`` is called every moment and may raise to give up. Raises
    OSError.
    """

    def __init__(self, root: str, name: str, waiting: Callable[[], None] | None) -> None:
        self._path: Path | None = None
        if _BY_BYTE is None:
            self._path = Path(root, "locks", f"{name}.lock")
            self._handle = acquire(self._path, waiting)
            return
        self._byte = int(name[:_NAME_DIGITS], 16)
        self._handle = os.open(f"{root}/work.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            pauses = _pauses()
            while not self._set(fcntl.F_WRLCK):
                if waiting is not None:
                    waiting()
                time.sleep(next(pauses))
        except BaseException:
            os.close(self._handle)
            raise

    def release(self) -> None:
        """Give it back."""
        if self._path is not None:
            release(self._handle, self._path)
            return
        try:
            # Not by closing alone: a child that was forked this moment has the same open file.
            self._set(fcntl.F_UNLCK)
        finally:
            os.close(self._handle)

    def _set(self, kind: int) -> bool:
        assert _BY_BYTE is not None
        try:
            # struct flock: type, whence, start, length, pid (0 for such locks)
            fcntl.fcntl(
                self._handle, _BY_BYTE, struct.pack("hhqqi0q", kind, os.SEEK_SET, self._byte, 1, 0)
            )
        except BlockingIOError:
            return False
        except PermissionError:  # some file systems say EACCES for a lock that another holds
            return False
        return True


def _pauses() -> Iterator[float]:
    pause = 0.005
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def acquire(path: Path, waiting: Callable[[], None] | None = None) -> int:
    """Take the lock file ``path`` alone among processes and threads; return its handle.

    While another holds it, ``waiting`` is called every moment and may raise to give up. Asking
    again and again, because nothing can end a thread that waits in the system. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for pause in _pauses():
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if _take(handle, path):
            return handle
        if waiting is not None:
            waiting()
        time.sleep(pause)
    raise AssertionError("there is always another pause")


def _take(handle: int, path: Path) -> bool:
    """Lock an open file without waiting; close it and return False when that cannot be.

    Its last holder may have unlinked it since it was opened: others then lock a newer file of that
    name, and this one guards nothing.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _still(handle, path):
            return True
    except BlockingIOError:
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return False


def try_acquire(path: Path) -> int | None:
    """Take an existing lock file if nobody holds it; return its handle, else None."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        return handle if _take(handle, path) else None
    except OSError:
        return None


def release(handle: int, path: Path) -> None:
    """Give back a lock. The file goes first, so that whoever waits on it sees that it is stale."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
    os.close(handle)


def _still(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


class Staging:
    """A folder of one process for what is not whole yet, ``<id>/`` beside its lock ``<id>.lock``.

    The lock lives as long as the process, so that ``sweep`` knows a leftover from work in progress.
    """

    def __init__(self, parent: Path) -> None:
        name = uuid.uuid4().hex
        self.folder = f"{parent}/{name}"
        self._lock = parent / f"{name}.lock"
        # The lock comes first: a folder without one is a leftover.
        self._handle: int | None = acquire(self._lock)
        try:
            os.mkdir(self.folder)  # noqa: PTH102
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the folder with all that is in it; nothing when that was done."""
        handle, self._handle = self._handle, None
        if handle is not None:
            remove(Path(self.folder))
            release(handle, self._lock)


def started(parent: Path, *, but: Path | None) -> float | None:
    """Return when the oldest process that still has a folder in ``parent`` made it; else None.

    ``but``: the lock of this process.
    """
    times = []
    for path in parent.glob("*.lock"):
        if path == but:
            continue
        handle = try_acquire(path)
        if handle is not None:
            os.close(handle)
            continue
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return min(times, default=None)


def sweep(parent: Path) -> None:
    """Remove what processes that no longer live left in ``parent``; never raises."""
    for path in leftovers(parent):
        handle = try_acquire(path) if path.suffix == ".lock" else None
        if handle is not None:
            remove(path.with_suffix(""))
            release(handle, path)
        elif path.suffix != ".lock":
            remove(path)


def leftovers(parent: Path) -> list[Path]:
    """Return the lock files that nobody holds, and the folders without a lock."""
    try:
        # Folders before locks: a folder that is being made has its lock already when it is listed.
        names = sorted((path.name for path in parent.iterdir()), key=lambda name: "." in name)
    except OSError:
        return []
    found = []
    for name in names:
        path = parent / name
        if path.suffix == ".lock":
            handle = try_acquire(path)
            if handle is not None:
                os.close(handle)
                found.append(path)
        elif not (parent / f"{name}.lock").exists() and path.exists():
            found.append(path)
    return found


def remove(path: Path) -> None:
    """Remove a file or a folder, also one that a step took its own right to write; never raises."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return
    try:
        _remove(str(path))
    except OSError:
        for folder, _, _ in os.walk(path):
            with suppress(OSError):
                Path(folder).chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)


def emptied(folder: str, kept: Collection[str]) -> bool:
    """Remove all that is in ``folder``, but keep its folders ``kept``, empty; never raises.

    Return whether it is as it was when it was made.
    """
    missing = set(kept)
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108
                elif entry.name in kept and os.access(entry.path, os.W_OK | os.X_OK):
                    _clear(entry.path)
                    missing.discard(entry.name)
                else:
                    _remove(entry.path)
    except OSError:
        return False
    return not missing


def _remove(folder: str) -> None:
    _clear(folder)
    os.rmdir(folder)  # noqa: PTH106


def _clear(folder: str) -> None:
    """Empty a folder that nobody else writes to; a third of the time of shutil.rmtree."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _remove(entry.path)
            else:
                os.unlink(entry.path)  # noqa: PTH108
