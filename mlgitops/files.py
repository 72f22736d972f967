"""Files: read a tree whole, write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlgitops.core.errors import StoreError

_SKIPPED = frozenset({".git", ".mlgitops", ".venv", "node_modules", "__pycache__"})


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
            except OSError:
                # Not there, no folder, or not ours to look into: nothing of it can be read.
                continue
            with entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_symlink():
                        yield path, True
                    elif not entry.is_dir(follow_symlinks=False):
                        yield path, False
                    elif entry.name not in _SKIPPED:
                        todo.append(path)

    def read(self, path: str) -> bytes | None:
        """See ``Tree.read``."""
        place = self.root / path
        if any(part.is_symlink() for part in (place, *place.parents) if part != self.root):
            inside = place.resolve().is_relative_to(self.root.resolve())
            if not inside or place.is_symlink():
                return None
        try:
            return place.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` so that a reader, or a crash at any moment, sees the old file or the new one.

    Raises StoreError when the disk is full, read-only or not writable.
    """
    staged: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, staged = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files that only their owner may read; others share a store and a checkout.
        Path(staged).chmod(0o644)
        Path(staged).replace(path)
    except OSError as error:
        if staged is not None:
            Path(staged).unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror}", hint="is the disk full or read-only?"
        ) from error
