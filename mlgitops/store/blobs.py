"""Blobs: bytes under their digest, taken in with one reading and verified at each reading."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from mlgitops.core.digests import Digest, hex_of, of_bytes
from mlgitops.core.errors import Refused, StoreError
from mlgitops.files import copying
from mlgitops.store.places import Places, renew

# The clock of a file system ticks slowly: what was written in this very moment may be written again
# without its time showing it.
_TICK_NS: Final = 50_000_000
_READ: Final = os.O_RDONLY | os.O_CLOEXEC
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

_Stamp = tuple[int, int, int, int]


class OtherBytes(StoreError):
    """What came is not what was asked for."""


class Blobs(Places):
    """See ``Store``: what is about bytes."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._verified: dict[Digest, _Stamp] = {}
        # Whether files here share their bytes with copies, until the file system says that they do
        # not; and what it is.
        self._shares = True
        self._device: int | None = None

    # -- reading ----------------------------------------------------------------------------

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """See ``Store.has``."""
        try:
            found = os.stat(self._blob(digest))  # noqa: PTH116
        except OSError:
            return False
        return size is None or found.st_size == size

    @contextmanager
    def open(self, digest: Digest) -> Iterator[BinaryIO]:
        """See ``Store.open``."""
        with os.fdopen(self._opened(digest), "rb", buffering=0) as stream:
            yield cast(BinaryIO, _Verifying(cast(BinaryIO, stream), digest, self))

    def read(self, digest: Digest) -> bytes:
        """See ``Store.read``."""
        handle = self._opened(digest)
        try:
            data = copying.read(handle, os.fstat(handle).st_size)
        except OSError as error:
            raise self._unreadable(digest, error) from error
        finally:
            os.close(handle)
        if of_bytes(data) != digest:
            raise self.damaged(digest)
        return data

    def path(self, digest: Digest) -> Path:
        """See ``Store.path``. A file that did not change is verified once."""
        handle = self._opened(digest)
        try:
            self._verify(digest, handle)
        finally:
            os.close(handle)
        return Path(self._blob(digest))

    def place(self, digest: Digest, goal: Path, *, executable: bool = False) -> None:
        """See ``Store.place``."""
        source = self._opened(digest)
        try:
            with self._translated(f"place {goal.name}"):
                made = os.open(goal, _MAKE, 0o755 if executable else 0o644)
            try:
                self._fill(digest, source, made)
            except BaseException as error:
                goal.unlink(missing_ok=True)
                if isinstance(error, OSError):
                    raise self._refused(f"place {goal.name}", error) from error
                raise
            finally:
                os.close(made)
        finally:
            os.close(source)

    def _fill(self, digest: Digest, source: int, goal: int) -> None:
        if self._shares:
            if copying.clone(source, goal):
                return self._verify(digest, source)
            # It is not asked again, unless this goal is on another disk.
            self._shares = os.fstat(goal).st_dev != os.fstat(source).st_dev
        if self._known(digest, source):
            copying.copy(source, goal)
        elif copying.digest_of(source, goal)[0] != digest:
            raise self.damaged(digest)
        else:
            self._note(digest, source)

    def _verify(self, digest: Digest, handle: int) -> None:
        if not self._known(digest, handle):
            try:
                found, _ = copying.digest_of(handle)
            except OSError as error:
                raise self._unreadable(digest, error) from error
            if found != digest:
                raise self.damaged(digest)
            self._note(digest, handle)

    def _known(self, digest: Digest, handle: int) -> bool:
        known = self._verified.get(digest)
        return known is not None and known == _stamp(os.fstat(handle))

    def _note(self, digest: Digest, handle: int) -> None:
        found = os.fstat(handle)
        if time.time_ns() - found.st_ctime_ns > _TICK_NS:
            self._verified[digest] = _stamp(found)

    # -- writing ----------------------------------------------------------------------------

    def put(self, source: BinaryIO, *, expected: Digest | None = None) -> Digest:
        """See ``Store.put``. Bytes that are there already are renewed, which heals damage.

        Raises OtherBytes when they are not those that are ``expected``; nothing is kept then.
        """
        hasher = hashlib.sha256()
        with self._filling("take in bytes") as (staged, handle):
            while chunk := source.read(copying.CHUNK):
                hasher.update(chunk)
                copying.write(handle, chunk)
            digest = Digest("sha256:" + hasher.hexdigest())
            if expected is not None and digest != expected:
                raise OtherBytes(f"{digest} came where {expected} was expected")
            os.fchmod(handle, 0o444)
            self._settle(staged, self._blob(digest))
        return digest

    def put_bytes(self, data: bytes) -> Digest:
        """See ``Store.put_bytes``. Bytes that are there already are compared, not written."""
        digest = of_bytes(data)
        if not self._holds(digest, data):
            with self._translated("take in bytes"):
                self._write(data, self._blob(digest))
        return digest

    def put_file(self, path: Path, *, move: bool = False) -> Digest:
        """See ``Store.put_file``."""
        try:
            source = os.open(path, _READ | os.O_NONBLOCK)
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        try:
            state = os.fstat(source)
            if not stat.S_ISREG(state.st_mode):
                raise Refused(f"{path} is no plain file", hint="only files and folders are kept")
            if move and self._movable(path, state):
                return self._move(path, source, state)
            return self._copy(path, source)
        finally:
            os.close(source)

    def _movable(self, path: Path, state: os.stat_result) -> bool:
        """Return whether the file itself can become a blob.

        Not where somebody knows it by another name (and could write to it), nor from another disk.
        """
        with self._translated("take in a file"):
            if self._device is None:
                self._device = os.stat(self._stage()).st_dev  # noqa: PTH116
            alone = state.st_nlink == 1 and state.st_uid == os.geteuid()
            return alone and state.st_dev == self._device and not os.path.islink(path)  # noqa: PTH114

    def _move(self, path: Path, source: int, state: os.stat_result) -> Digest:
        with self._translated("take in a file"):
            digest, _ = copying.digest_of(source)
            if _stamp(os.fstat(source)) != _stamp(state):
                raise StoreError(f"{path} changed while it was taken in", hint="run it again")
            os.fchmod(source, 0o444)
            os.utime(source)
            self._settle(os.fspath(path), self._blob(digest))
        return digest

    def _copy(self, path: Path, source: int) -> Digest:
        with self._filling("take in a file") as (staged, goal):
            if copying.clone(source, goal):
                # The clone is read: nobody changes it while that goes on.
                reader = os.open(staged, _READ)
                try:
                    digest, _ = copying.digest_of(reader)
                finally:
                    os.close(reader)
            else:
                digest, _ = copying.digest_of(source, goal)
            os.fchmod(goal, 0o444)
            self._settle(staged, self._blob(digest))
        return digest

    def _holds(self, digest: Digest, data: bytes) -> bool:
        """Return whether the blob is there with these very bytes, and mark it as used."""
        try:
            handle = os.open(self._blob(digest), _READ)
        except OSError:
            return False
        try:
            state = os.fstat(handle)
            if state.st_size != len(data) or copying.read(handle, state.st_size) != data:
                return False
            return renew(handle, state)
        except OSError:
            return False
        finally:
            os.close(handle)

    @contextmanager
    def _filling(self, doing: str) -> Iterator[tuple[str, int]]:
        """Give a file to fill and to ``_settle``; it is gone afterwards in any case."""
        with self._translated(doing):
            staged = self._staged()
            handle = os.open(staged, _MAKE, 0o644)
            try:
                yield staged, handle
            finally:
                os.close(handle)
                with suppress(OSError):
                    os.unlink(staged)  # noqa: PTH108

    # -- within -----------------------------------------------------------------------------

    def _blob(self, digest: Digest) -> str:
        return f"{self._blobs}/{hex_of(digest)}"

    def _opened(self, digest: Digest) -> int:
        try:
            return os.open(self._blob(digest), _READ)
        except OSError as error:
            raise self._unreadable(digest, error) from error

    def _unreadable(self, digest: Digest, error: OSError) -> StoreError:
        if isinstance(error, FileNotFoundError):
            return StoreError(
                f"{digest} is not in the store at {self.root}",
                hint="`mlgitops run` makes it again if a step does",
            )
        return StoreError(f"cannot read {self._blob(digest)}: {error.strerror}")

    def damaged(self, digest: Digest) -> StoreError:
        """Return the error for a blob whose bytes are not those of its digest."""
        return StoreError(
            f"{self._blob(digest)} is damaged: its bytes are not those of its digest",
            hint="`mlgitops fsck --repair` removes it, and `mlgitops run` makes it again",
        )


def _stamp(found: os.stat_result) -> _Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class _Verifying(io.RawIOBase):
    """Reads a blob and compares its digest when its end is reached."""

    def __init__(self, stream: BinaryIO, digest: Digest, blobs: Blobs) -> None:
        self._stream = stream
        self._digest = digest
        self._blobs = blobs
        self._hasher = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        try:
            data = self._stream.read(-1 if size is None else size)
        except OSError as error:
            raise StoreError(f"cannot read {self._digest}: {error.strerror}") from error
        self._hasher.update(data)
        if size is None or size < 0 or len(data) < size:
            self._compare()
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _compare(self) -> None:
        if "sha256:" + self._hasher.hexdigest() != self._digest:
            raise self._blobs.damaged(self._digest)
