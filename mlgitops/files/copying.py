"""Copies of files by the cheapest way that the file system has, and making them durable."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mlgitops.core.digests import Digest

CHUNK: Final = 1 << 18  # fits the processor's cache: what is read is hashed and written from there
_SMALL: Final = 1 << 16  # most files are smaller, and room for more would be made for each
_FICLONE: Final = 0x40049409  # linux/fs.h; shares the extents, copy on write (btrfs, XFS, …)
# What a file system answers that cannot share extents, or not between these two.
_CANNOT: Final = {
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.ETXTBSY,
    errno.EBADF,
}


def clone(source: int, goal: int) -> bool:
    """Make ``goal`` share the bytes of ``source`` (open files); False where that cannot be done."""
    import fcntl

    try:
        fcntl.ioctl(goal, _FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def copy(source: int, goal: int) -> None:
    """Copy the rest of an open file to another one, within the system where it can."""
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(source, goal, 1 << 30):
                pass
            return
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    while data := os.read(source, CHUNK):
        write(goal, data)


def digest_of(source: int, goal: int | None = None) -> tuple[Digest, int]:
    """Return the digest and the size of the rest of an open file, copied to ``goal`` on the way."""
    hasher, size, length = hashlib.sha256(), 0, _SMALL
    while data := os.read(source, length):
        hasher.update(data)
        if goal is not None:
            write(goal, data)
        size += len(data)
        length = CHUNK
    return Digest("sha256:" + hasher.hexdigest()), size


def write(goal: int, data: bytes | memoryview[Any]) -> None:
    """Write all of ``data``."""
    written = os.write(goal, data)
    while written < len(data):
        written += os.write(goal, data[written:])


def read(source: int, size: int) -> bytes:
    """Return the rest of an open file of about ``size`` bytes."""
    data = os.read(source, size + 1)
    if len(data) < size:
        pieces = [data]
        while more := os.read(source, CHUNK):
            pieces.append(more)
        return b"".join(pieces)
    if len(data) > size:
        return data + b"".join(iter(lambda: os.read(source, CHUNK), b""))
    return data


def make_durable(folder: Path) -> None:
    """Write what waits in memory for the file system of ``folder`` to its disk; raises OSError.

    One call for any number of files, where an fsync for each would wait for the disk each time.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        import ctypes

        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        with suppress(OSError):
            os.close(handle)
