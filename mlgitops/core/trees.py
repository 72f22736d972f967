"""A tree of files, wherever it stands: the work tree, a commit, or memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mlgitops.core.errors import NotAllowed


class Tree(Protocol):
    """Files by their path in the repository, with ``/``. Symlinks and submodules are no files."""

    def paths(self, prefix: str = "") -> Iterable[str]:
        """Return the sorted paths of all files below the folder ``prefix`` ('' is the root)."""
        ...

    def read(self, path: str, at_most: int | None = None) -> bytes | None:
        """Return the bytes of one file, the first ``at_most`` of them; None when there is none."""
        ...

    def links(self, prefix: str = "") -> Iterable[str]:
        """Return the sorted paths of the symlinks and submodules below ``prefix`` and itself."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryTree:
    """A tree held in memory."""

    files: Mapping[str, bytes]
    linked: tuple[str, ...] = ()

    def paths(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.paths``."""
        start = prefix.rstrip("/") + "/" if prefix else ""
        return sorted(path for path in self.files if path.startswith(start))

    def read(self, path: str, at_most: int | None = None) -> bytes | None:
        """See ``Tree.read``."""
        data = self.files.get(path)
        return data if data is None else data[:at_most]

    def links(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.links``."""
        return below(self.linked, prefix)


def excerpts(tree: Tree, at_most: int) -> Callable[[str], bytes | None]:
    """Return what gives the start of a file, to be shown; None for one that cannot be read."""

    def read(path: str) -> bytes | None:
        try:
            return tree.read(path, at_most)
        except NotAllowed:
            return None

    return read


def below(paths: Iterable[str], prefix: str) -> list[str]:
    """Return the ``paths`` that are ``prefix`` or stand below it, sorted."""
    start = prefix.rstrip("/") + "/" if prefix else ""
    return sorted(path for path in paths if path == prefix or path.startswith(start))
