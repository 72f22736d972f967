"""Where a store on this machine keeps what, and how a file of it appears whole.

::

    oci-layout  index.json  blobs/sha256/<hex>   read by any OCI tool
    keys/<hh>/<hex>                              step key → digest of its record
    work.lock                                    work that is being done now, a byte each
    tmp/<id>/                                    one folder a process, swept when it is dead
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mlgitops.core.errors import StoreError
from mlgitops.core.layouts import LAYOUT, index_bytes
from mlgitops.files import copying
from mlgitops.store import locking

# What was used within this time is not marked as used again; far less than what `gc` lets alone.
RENEW_NS: Final = 600 * 10**9


class Places:
    """The folders of a store. Nothing is written before something is put; reading needs no rights.

    Paths are text: making a ``Path`` takes longer than a call to the system.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = f"{root}/blobs/sha256"
        self._keys = f"{root}/keys"
        self._tmp = root / "tmp"
        self._staging: locking.Staging | None = None
        self._guard = threading.Lock()
        self._numbers = itertools.count()
        self._unflushed = False
        # By what is inside of them: empty folders, made for a step and not used at the moment.
        self._idle: dict[tuple[str, ...], list[str]] = {}
        locking.sweep(self._tmp)

    def flush(self) -> None:
        """See ``Store.flush``."""
        if self._unflushed:
            # Before, not after: what another thread writes meanwhile is for the next call.
            self._unflushed = False
            with self._translated("write to the disk"):
                copying.make_durable(self.root)

    def _stage(self) -> str:
        """Return this process's own folder for what is not whole yet."""
        if self._staging is None:
            with self._guard:
                if self._staging is None:
                    self._open_stage()
        assert self._staging is not None
        return self._staging.folder

    def _open_stage(self) -> None:
        self._tmp.mkdir(parents=True, exist_ok=True)
        staging = locking.Staging(self._tmp)
        weakref.finalize(self, staging.close)
        for name, content in (("oci-layout", LAYOUT), ("index.json", index_bytes({}))):
            if not (self.root / name).exists():
                staged = Path(staging.folder, name)
                staged.write_bytes(content)
                staged.replace(self.root / name)
        # Last: a folder of blobs without these files beside it is damaged.
        for folder in (self._blobs, self._keys):
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        self._staging = staging

    def _staged(self) -> str:
        return f"{self._stage()}/{next(self._numbers):x}"

    def _write(self, data: bytes, goal: str) -> None:
        """Let the file ``goal`` appear with ``data``, whole or not at all. Raises OSError."""
        staged = self._staged()
        try:
            handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
            try:
                copying.write(handle, data)
                os.fchmod(handle, 0o444)
            finally:
                os.close(handle)
            self._settle(staged, goal)
        except BaseException:
            with suppress(OSError):
                os.unlink(staged)  # noqa: PTH108
            raise

    def _settle(self, staged: str, goal: str) -> None:
        """Rename a whole file to where it belongs."""
        self._unflushed = True
        try:
            os.rename(staged, goal)  # noqa: PTH104
        except FileNotFoundError:
            # The folder of a shard is made by the first that comes; and somebody may have removed
            # the store while this process lives.
            os.makedirs(os.path.dirname(goal), exist_ok=True)  # noqa: PTH103, PTH120
            os.rename(staged, goal)  # noqa: PTH104

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refused(doing, error) from error

    def _refused(self, doing: str, error: OSError) -> StoreError:
        return StoreError(
            f"cannot {doing} in the store at {self.root}: {error.strerror or error}",
            hint="is the disk full or read-only? nothing was half-written; "
            "MLGITOPS_STORE names another place",
        )


def renew(handle: int, state: os.stat_result) -> bool:
    """Mark an open file as used now, so that `gc` keeps it; False when it is gone already.

    `gc` removes a file under an exclusive lock, after a look at its time: so either it sees the new
    time, or this sees that the file has no name any more. Nothing is written within ten minutes of
    the last use, nor where nothing can be written.
    """
    if time.time_ns() - state.st_mtime_ns < RENEW_NS:
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        os.utime(handle)
    except OSError:
        return True  # read-only: nothing is removed there either
    return os.fstat(handle).st_nlink > 0
