"""Files: read a tree whole, write a file whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from mlgitops.core.digests import Digest
from mlgitops.core.errors import NotAllowed, StoreError
from mlgitops.core.marks import Mark

_SKIPPED = frozenset({".git", ".mlgitops", ".venv", "node_modules", "__pycache__"})
# No system takes a longer path, and each folder of it is looked at.
_LONGEST: Final = 4096
# A named pipe without a writer would never open, and what a link names is not what is looked at.
_AS_IT_IS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

# Size, time of writing, time of change, number: what tells a file from what it was before.
Stamp: TypeAlias = tuple[int, int, int, int]


def stamp(found: os.stat_result) -> Stamp:
    """Return what changes when a file does."""
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


@dataclass(frozen=True, slots=True)
class WorkTree:
    """The files below ``root``, as they are on disk now (see ``core.trees.Tree``)."""

    root: Path

    def paths(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.paths``. Symlinks are not followed, so a tree cannot lead outside itself."""
        return sorted(path for path, linked in self._below(prefix) if not linked)

    def links(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.links``."""
        found = [prefix] if prefix and (self.root / prefix).is_symlink() else []
        return sorted([*found, *(path for path, linked in self._below(prefix) if linked)])

    def _below(self, prefix: str) -> Iterator[tuple[str, bool]]:
        """Yield (path, whether it is a link) of all but the folders below ``prefix``."""
        todo = [prefix.rstrip("/")]
        while todo:
            folder = todo.pop()
            try:
                entries = os.scandir(f"{self.root}/{folder}")
            except PermissionError:
                if not prefix:
                    continue  # whatever lies about in a checkout
                # As if it were not there, its pins would be called leftovers.
                raise _unread(folder, "Permission denied", "folder") from None
            except (OSError, ValueError):
                continue  # not there, or no folder
            with entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_symlink():
                        yield path, True
                    elif not entry.is_dir(follow_symlinks=False):
                        yield path, False
                    elif entry.name not in _SKIPPED:
                        todo.append(path)

    def stamps(self, folder: str) -> list[tuple[str, Stamp]]:
        """Return (path below ``folder``, stamp) of its files, sorted; what ``paths`` gives."""
        found: list[tuple[str, Stamp]] = []
        self._stamped(f"{self.root}/{folder}".rstrip("/"), "", found)
        found.sort()
        return found

    def _stamped(self, place: str, below: str, found: list[tuple[str, Stamp]]) -> None:
        try:
            entries = os.scandir(place)
        except PermissionError:
            raise _unread(place, "Permission denied", "folder") from None
        except (OSError, ValueError):
            return
        regular, keep = stat.S_ISREG, found.append
        with entries:
            for entry in entries:
                if entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED:
                        self._stamped(entry.path, f"{below}{entry.name}/", found)
                    continue
                try:
                    state = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # gone this moment
                if not regular(state.st_mode):
                    raise _unread(entry.path, "it is a pipe, a socket or a device")
                keep((below + entry.name, stamp(state)))

    def read(self, path: str, at_most: int | None = None) -> bytes | None:
        """See ``Tree.read``; NotAllowed for what is no plain file, or not ours to read."""
        handle = self.opened(path)
        if handle is None:
            return None
        with os.fdopen(handle, "rb", buffering=0) as stream:
            try:
                if at_most is None:
                    return stream.readall()
                # No more than there is: room for a million bytes would be made for each file.
                data, wanted = b"", min(at_most, os.fstat(handle).st_size + 1)
                while more := stream.read(wanted - len(data)):
                    data += more
                return data
            except OSError as error:
                raise _unread(path, str(error.strerror)) from None

    def opened(self, path: str, *, seen: bool = False) -> int | None:
        """Return a plain file, open to be read, or None when there is none; see ``read``.

        ``seen``: ``stamps`` gave the path just now, so that no folder of it is looked at again.
        """
        if len(path) > _LONGEST or (not seen and self._leads_out(path)):
            return None
        try:
            handle = os.open(f"{self.root}/{path}", _AS_IT_IS)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):  # a link; a name of no file
                return None
            if error.errno == errno.ENXIO:
                raise _unread(path, "it is a pipe, a socket or a device") from None
            raise _unread(path, str(error.strerror)) from None
        state = os.fstat(handle)
        if stat.S_ISREG(state.st_mode):
            return handle
        os.close(handle)
        if stat.S_ISDIR(state.st_mode):
            return None
        raise _unread(path, "it is a pipe, a socket or a device")

    def copy(self, path: str, goal: Path) -> Digest | None:
        """Copy a plain file to the new file ``goal`` with one reading; return its digest, or None.

        Raises OSError when ``goal`` cannot be written.
        """
        from mlgitops.files import copying

        source = self.opened(path)
        if source is None:
            return None
        try:
            made = os.open(goal, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                if copying.clone(source, made):
                    return copying.digest_of(made)[0]
                return copying.digest_of(source, made)[0]
            finally:
                os.close(made)
        finally:
            os.close(source)

    def _leads_out(self, path: str) -> bool:
        """Return whether a folder on the way to ``path`` is a link to somewhere else."""
        *folders, _ = path.split("/")
        if ".." in folders:
            return True
        place = str(self.root)
        for folder in folders:
            place = f"{place}/{folder}"
            try:
                linked = stat.S_ISLNK(os.lstat(place).st_mode)
            except (OSError, ValueError):
                return False
            if linked:
                return not Path(place).resolve().is_relative_to(self.root.resolve())
        return False


def _unread(path: str, why: str, what: str = "file") -> NotAllowed:
    return NotAllowed(
        f"the {what} cannot be read: {why}",
        hint="look at what it is, and at its rights",
        at=Mark(path=path),
    )


def write_out(path: Path, data: bytes) -> None:
    """Write ``data`` where a user said: through a link, and into a device or a pipe.

    To write it whole would put a file in the place of ``/dev/null``. Raises StoreError.
    """
    try:
        kept = path.exists() and not path.is_file() and not path.is_dir()
        # What a process has open is named below these, a file it may be.
        if kept or Path(os.path.abspath(path)).parts[1:2] in (("dev",), ("proc",)):  # noqa: PTH100
            with path.open("ab", buffering=0) as stream:
                stream.write(data)
            return
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}", hint="name a file that can be written"
        ) from error
    write_whole(Path(os.path.realpath(path)), data)


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write ``data`` so that a reader, or a crash at any moment, sees the old file or the new one.

    Raises StoreError when the disk is full, read-only or not writable.
    """
    import tempfile  # it brings random numbers with it, and most calls write nothing

    staged: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, staged = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files that only their owner may read; others share a store and a checkout.
        Path(staged).chmod(mode)
        Path(staged).replace(path)
    except OSError as error:
        if staged is not None:
            Path(staged).unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror}", hint="is the disk full or read-only?"
        ) from error
