"""Lock files that the system frees on any death, and that leave no litter behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path


def acquire(path: Path) -> int:
    """Take the lock file ``path`` alone among processes and threads; waits. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _still(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        # Its last holder unlinked it while we waited: others lock a newer file of that name.
        os.close(handle)


def try_acquire(path: Path) -> int | None:
    """Take an existing lock file if nobody holds it; return its handle, else None."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _still(handle, path):
            return handle
    except OSError:
        pass
    os.close(handle)
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
        self.folder = parent / name
        self._lock = parent / f"{name}.lock"
        # The lock comes first: a folder without one is a leftover.
        self._handle: int | None = acquire(self._lock)
        try:
            self.folder.mkdir()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the folder with all that is in it; nothing when that was done."""
        handle, self._handle = self._handle, None
        if handle is not None:
            remove(self.folder)
            release(handle, self._lock)


def sweep_locks(parent: Path) -> None:
    """Remove lock files that nobody holds; never raises."""
    for path in leftovers(parent):
        handle = try_acquire(path)
        if handle is not None:
            release(handle, path)


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
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for folder, _, _ in os.walk(path):
            with suppress(OSError):
                Path(folder).chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)
