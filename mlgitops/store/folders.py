"""Folders: taken in as a manifest and packs, and written out again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mlgitops.core import folders
from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, Refused, StoreError
from mlgitops.core.folders import File, Folder, Pack
from mlgitops.files import copying
from mlgitops.store.blobs import Blobs

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Folders(Blobs):
    """See ``Store``: what is about folders."""

    def put_tree(self, folder: Path, *, move: bool = False) -> Digest:
        """See ``Store.put_tree``."""
        root = os.fspath(folder)
        found, empty = _listed(root)
        files: dict[str, File] = {}
        packs: list[Pack] = []
        small = [path for path, state in found.items() if state.st_size < folders.SMALL]
        for names in folders.packing(small):
            self._pack(root, names, files, packs)
        for path, state in found.items():
            if path not in files:
                digest = self.put_file(Path(root, path), move=move)
                files[path] = File(digest, state.st_size, bool(state.st_mode & 0o100))
        made = Folder(files=files, packs=tuple(packs), empty=empty)
        return self.put_bytes(folders.to_bytes(made))

    def tree(self, digest: Digest) -> Folder:
        """See ``Store.tree``."""
        try:
            return folders.from_bytes(self.read(digest))
        except StoreError:
            raise
        except MlgitopsError as error:
            raise StoreError(f"{digest} is no folder: {error.message}") from error

    def has_tree(self, digest: Digest) -> bool:
        """See ``Store.has_tree``."""
        try:
            return all(self.has(blob, size) for blob, size in self.tree(digest).blobs())
        except StoreError:
            return False

    def place_tree(self, digest: Digest, goal: Path, only: str | None = None) -> None:
        """See ``Store.place_tree``."""
        made, root = self.tree(digest), os.fspath(goal)
        if only is not None:
            made = made.only(only)
        with self._translated(f"place {goal.name}"):
            goal.mkdir(parents=True, exist_ok=True)
            parents = {path.rpartition("/")[0] for path in made.files} - {""}
            for path in sorted({*parents, *made.empty}):
                os.makedirs(f"{root}/{path}", exist_ok=True)  # noqa: PTH103
        packed: list[list[str]] = [[] for _ in made.packs]
        for path, file in made.files.items():
            if file.pack is None:
                self.place(file.digest, Path(root, path), executable=file.executable)
            else:
                packed[file.pack].append(path)
        for pack, names in zip(made.packs, packed, strict=True):
            if not names:
                continue
            data = memoryview(self.read(pack.digest))
            with self._translated(f"place {goal.name}"):
                for name in names:
                    _unpack(data, made.files[name], f"{root}/{name}")

    def _pack(self, root: str, names: list[str], files: dict[str, File], packs: list[Pack]) -> None:
        pieces, offset = [], 0
        for name in names:
            data, executable = _read(f"{root}/{name}")
            digest = Digest("sha256:" + hashlib.sha256(data).hexdigest())
            files[name] = File(digest, len(data), executable, len(packs), offset)
            pieces.append(data)
            offset += len(data)
        packs.append(Pack(self.put_bytes(b"".join(pieces)), offset))


def _unpack(data: memoryview, file: File, goal: str) -> None:
    handle = os.open(goal, _MAKE, 0o755 if file.executable else 0o644)
    try:
        copying.write(handle, data[file.offset : file.offset + file.size])
    finally:
        os.close(handle)


def _read(path: str) -> tuple[bytes, bool]:
    try:
        handle = os.open(path, _OPEN)
        try:
            state = os.fstat(handle)
            return copying.read(handle, state.st_size), bool(state.st_mode & 0o100)
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def _listed(root: str) -> tuple[Mapping[str, os.stat_result], tuple[str, ...]]:
    """Return the plain files below a folder, and the folders without anything in them."""
    found: dict[str, os.stat_result] = {}
    empty: list[str] = []
    todo = [""]
    while todo:
        folder = todo.pop()
        count = 0
        for entry in _entries(f"{root}/{folder}"):
            count += 1
            path = folders.checked(f"{folder}/{entry.name}" if folder else entry.name)
            if entry.is_symlink():
                raise Refused(
                    f"{root}/{path} is a symbolic link",
                    hint="a folder is kept by its content: copy what it names to its place",
                )
            if entry.is_dir(follow_symlinks=False):
                todo.append(path)
            elif entry.is_file(follow_symlinks=False):
                found[path] = entry.stat(follow_symlinks=False)
            else:
                raise Refused(
                    f"{root}/{path} is a pipe, a socket or a device",
                    hint="only files and folders are kept",
                )
        if not count and folder:
            empty.append(folder)
    return found, tuple(empty)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}") from error
