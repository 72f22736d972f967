"""What is known of past work, and who does what now."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

from mlgitops.core.digests import Digest, hex_of, parse_digest
from mlgitops.core.errors import MlgitopsError, StoreError
from mlgitops.store import locking
from mlgitops.store.places import Places, renew

_LONGEST: Final = 200  # bytes; a key file has 72
_SHARD: Final = 2  # letters of the folder of a key


class Work(Places):
    """See ``Store``: what is about keys, locks and scratch folders."""

    def recall(self, key: Digest, *, here: bool = False) -> Digest | None:
        """See ``Store.recall``. A key file that cannot be understood is as good as none."""
        handle = self._open_key(key)
        if handle is None:
            return None
        try:
            text = os.read(handle, _LONGEST).decode("ascii")
            record = parse_digest(text.rstrip("\n"))
            return record if renew(handle, os.fstat(handle)) else None
        except (MlgitopsError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise StoreError(f"cannot read the store at {self.root}: {error.strerror}") from error
        finally:
            os.close(handle)

    def remember(self, key: Digest, record: Digest) -> None:
        """See ``Store.remember``."""
        data, goal = f"{record}\n".encode("ascii"), self._key(key)
        with self._translated("remember a record"):
            if not self._in_place(data, goal):
                self._write(data, goal)

    def _in_place(self, data: bytes, goal: str) -> bool:
        """Write so short a text at once where it belongs; False when it must be renamed there.

        Who reads it this moment may see neither record, and does the work again. A death right
        before leaves an empty file, which says what no file says: that nothing is known.
        """
        import fcntl

        self._stage()
        try:
            handle = os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except (FileNotFoundError, PermissionError):
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)  # see `renew`: not while `gc` decides about it
            self._unflushed = True
            if os.fstat(handle).st_size not in (0, len(data)):
                return False
            if os.pwrite(handle, data, 0) != len(data):
                return False
            return os.fstat(handle).st_nlink > 0
        finally:
            os.close(handle)

    def _key(self, key: Digest) -> str:
        name = hex_of(key)
        return f"{self._keys}/{name[:2]}/{name}"

    def _open_key(self, key: Digest) -> int | None:
        places = [self._key(key)]
        if self._flat:
            places.append(f"{self._keys}/{hex_of(key)}")
        for place in places:
            try:
                return os.open(place, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(
                    f"cannot read the store at {self.root}: {error.strerror}"
                ) from error
        return None

    @cached_property
    def _flat(self) -> bool:
        """Whether keys stand where all did before they were spread over folders."""
        try:
            return any(len(place.name) > _SHARD for place in Path(self._keys).iterdir())
        except OSError:
            return False

    @contextmanager
    def lock(self, key: Digest, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """See ``Store.lock``."""
        with self._translated("take a lock"):
            self._stage()
            held = locking.Held(str(self.root), hex_of(key), waiting)
        try:
            yield
        finally:
            held.release()

    @contextmanager
    def scratch(self, *inside: str) -> Iterator[Path]:
        """See ``Store.scratch``. Folders are used again: file systems are slow to forget them."""
        idle = self._idle.setdefault(inside, [])
        with self._translated("make a folder"):
            try:
                folder = idle.pop()
            except IndexError:
                folder = self._staged()
                for place in (folder, *(f"{folder}/{name}" for name in inside)):
                    os.mkdir(place)  # noqa: PTH102
        try:
            yield Path(folder)
        finally:
            if inside and locking.emptied(folder, inside):
                idle.append(folder)
            else:
                locking.remove(Path(folder))
