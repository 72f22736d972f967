"""The store on this machine: an OCI image layout, and beside it what is known of past work.

::

    oci-layout  index.json  blobs/sha256/<hex>   read by any OCI tool
    keys/<hex>                                   step key → digest of its record
    locks/<hex>.lock                             work that is being done now
    tmp/<id>/                                    one folder a process, swept when it is dead

Every file appears whole: staged in ``tmp``, fsynced, renamed. A blob comes before the record that
names it, a record before its key, so that a death at any moment leaves nothing that points nowhere.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from mlgitops.core.digests import Digest, hex_of, parse_digest, short
from mlgitops.core.errors import MlgitopsError, StoreError
from mlgitops.store import locking

_CHUNK: Final = 1 << 20
_HEX = re.compile(r"[0-9a-f]{64}")
_LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_INDEX: Final = (
    b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
)


class LocalStore:
    """See ``Store``. Nothing is written before the first ``put``; reading needs no rights."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._keys = root / "keys"
        self._locks = root / "locks"
        self._tmp = root / "tmp"
        self._staging: locking.Staging | None = None
        self._guard = threading.Lock()
        self._verified: dict[Digest, tuple[int, int, int]] = {}
        locking.sweep(self._tmp)
        locking.sweep_locks(self._locks)

    # -- bytes ------------------------------------------------------------------------------

    def has(self, digest: Digest) -> bool:
        """See ``Store.has``."""
        return self._blob(digest).is_file()

    @contextmanager
    def open(self, digest: Digest) -> Iterator[BinaryIO]:
        """See ``Store.open``."""
        try:
            stream = self._blob(digest).open("rb")
        except OSError as error:
            raise self._unreadable(digest, error) from error
        with stream:
            yield cast(BinaryIO, _Verifying(stream, digest, self._blob(digest)))

    def read(self, digest: Digest) -> bytes:
        """See ``Store.read``."""
        with self.open(digest) as stream:
            return stream.read()

    def path(self, digest: Digest) -> Path:
        """See ``Store.path``. A file that did not change is verified once."""
        path = self._blob(digest)
        try:
            known = path.stat()
        except OSError as error:
            raise self._unreadable(digest, error) from error
        stamp = (known.st_ino, known.st_size, known.st_mtime_ns)
        if self._verified.get(digest) != stamp:
            with self.open(digest) as stream:
                while stream.read(_CHUNK):
                    pass
            self._verified[digest] = stamp
        return path

    def put(self, source: BinaryIO) -> Digest:
        """See ``Store.put``. Bytes that are there already are renewed, which heals damage."""
        hasher = hashlib.sha256()
        with self._staged("take in bytes") as (staged, stream):
            while chunk := source.read(_CHUNK):
                hasher.update(chunk)
                stream.write(chunk)
            digest = Digest("sha256:" + hasher.hexdigest())
            self._settle(staged, stream, self._blob(digest))
        return digest

    def put_bytes(self, data: bytes) -> Digest:
        """See ``Store.put_bytes``."""
        return self.put(io.BytesIO(data))

    # -- work -------------------------------------------------------------------------------

    def recall(self, key: Digest) -> Digest | None:
        """See ``Store.recall``. A key file that cannot be understood is as good as none."""
        try:
            return parse_digest((self._keys / hex_of(key)).read_text("ascii").strip())
        except FileNotFoundError:
            return None
        except (MlgitopsError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise StoreError(f"cannot read the store at {self.root}: {error.strerror}") from error

    def remember(self, key: Digest, record: Digest) -> None:
        """See ``Store.remember``."""
        with self._staged("remember a record") as (staged, stream):
            stream.write(f"{record}\n".encode("ascii"))
            self._settle(staged, stream, self._keys / hex_of(key))

    @contextmanager
    def lock(self, key: Digest, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """See ``Store.lock``."""
        path = self._locks / f"{hex_of(key)}.lock"
        with self._translated("take a lock"):
            held = locking.acquire(path, waiting)
        try:
            yield
        finally:
            locking.release(held, path)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See ``Store.scratch``."""
        with self._translated("make a folder"):
            folder = self._stage() / uuid.uuid4().hex
            folder.mkdir()
        try:
            yield folder
        finally:
            locking.remove(folder)

    # -- checking ---------------------------------------------------------------------------

    def check(self) -> Iterator[str]:
        """See ``Store.check``."""
        for path in _listed(self._blobs):
            yield from self._check_blob(path)
        for path in _listed(self._keys):
            yield from self._check_key(path)
        for name, content in (("oci-layout", _LAYOUT), ("index.json", _INDEX)):
            yield from self._check_layout(self.root / name, content)
        for path in locking.leftovers(self._tmp):
            yield f"{path}: left by a process that is dead, and cannot be removed"

    def _check_blob(self, path: Path) -> Iterator[str]:
        if not _HEX.fullmatch(path.name):
            yield f"{path}: no blob has such a name; remove it"
            return
        digest = Digest(f"sha256:{path.name}")
        try:
            with self.open(digest) as stream:
                while stream.read(_CHUNK):
                    pass
        except StoreError as error:
            yield f"{error.message} ({error.hint})"

    def _check_key(self, path: Path) -> Iterator[str]:
        if not _HEX.fullmatch(path.name):
            yield f"{path}: no step key has such a name; remove it"
            return
        record = self.recall(Digest(f"sha256:{path.name}"))
        if record is None:
            yield f"{path}: names no record; remove it, and the step runs again"
        elif not self.has(record):
            yield f"{path}: its record {short(record)} is gone; remove it, and the step runs again"

    def _check_layout(self, path: Path, content: bytes) -> Iterator[str]:
        if not self._blobs.exists():
            return
        try:
            found = json.loads(path.read_bytes())
            same = isinstance(found, dict) and set(found) >= set(json.loads(content))
        except (OSError, ValueError):
            same = False
        if not same:
            yield f"{path}: missing or damaged; remove it, and the next write makes it anew"

    # -- within -----------------------------------------------------------------------------

    def _blob(self, digest: Digest) -> Path:
        return self._blobs / hex_of(digest)

    def _unreadable(self, digest: Digest, error: OSError) -> StoreError:
        if isinstance(error, FileNotFoundError):
            return StoreError(
                f"{digest} is not in the store at {self.root}",
                hint="`mlgitops run` makes it again if a step does",
            )
        return StoreError(f"cannot read {self._blob(digest)}: {error.strerror}")

    def _stage(self) -> Path:
        """Return this process's own folder for what is not whole yet."""
        with self._guard:
            if self._staging is None:
                for folder in (self._blobs, self._keys, self._locks, self._tmp):
                    folder.mkdir(parents=True, exist_ok=True)
                self._staging = staging = locking.Staging(self._tmp)
                weakref.finalize(self, staging.close)
                self._lay_out(staging.folder)
            return self._staging.folder

    def _lay_out(self, folder: Path) -> None:
        for name, content in (("oci-layout", _LAYOUT), ("index.json", _INDEX)):
            if (self.root / name).exists():
                continue
            staged = folder / name
            staged.write_bytes(content)
            staged.replace(self.root / name)

    @contextmanager
    def _staged(self, doing: str) -> Iterator[tuple[Path, BinaryIO]]:
        """Give a file to fill and to ``_settle``; it is gone afterwards in any case."""
        with self._translated(doing):
            staged = self._stage() / uuid.uuid4().hex
            try:
                with staged.open("xb") as stream:
                    yield staged, stream
            finally:
                with suppress(OSError):
                    staged.unlink(missing_ok=True)

    def _settle(self, staged: Path, stream: BinaryIO, goal: Path) -> None:
        stream.flush()
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), 0o444)
        staged.replace(goal)
        handle = os.open(goal.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot {doing} in the store at {self.root}: {error.strerror or error}",
                hint="is the disk full or read-only? nothing was half-written; "
                "MLGITOPS_STORE names another place",
            ) from error


class _Verifying(io.RawIOBase):
    """Reads a blob and compares its digest when its end is reached."""

    def __init__(self, stream: BinaryIO, digest: Digest, path: Path) -> None:
        self._stream = stream
        self._digest = digest
        self._path = path
        self._hasher = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        try:
            data = self._stream.read(-1 if size is None else size)
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from error
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
            raise StoreError(
                f"{self._path} is damaged: its bytes are not those of its digest",
                hint="remove that file; what a step made is made again by `mlgitops run`",
            )


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}") from error
