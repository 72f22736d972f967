"""Files: read a tree whole, write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
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
        found: list[str] = []
        for folder, folders, names in os.walk(self.root / prefix, followlinks=False):
            folders[:] = [name for name in folders if name not in _SKIPPED]
            for name in names:
                path = Path(folder, name)
                if not path.is_symlink():
                    found.append(path.relative_to(self.root).as_posix())
        return sorted(found)

    def links(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.links``."""
        top = self.root / prefix
        found = [prefix] if prefix and top.is_symlink() else []
        for folder, folders, names in os.walk(top, followlinks=False):
            folders[:] = [name for name in folders if name not in _SKIPPED]
            places = (Path(folder, name) for name in (*folders, *names))
            found += [p.relative_to(self.root).as_posix() for p in places if p.is_symlink()]
        return sorted(found)

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
