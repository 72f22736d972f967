"""Which versions of libraries a step reaches: what is installed, and what the lock file says."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlgitops.core.lockfiles import LOCK_FILES, REQUIREMENTS, merged, versions
from mlgitops.core.locks import reached
from mlgitops.executor.installed import InstalledIn, installed
from mlgitops.files import WorkTree


@dataclass(kw_only=True)
class Libraries:
    """The libraries of the interpreter ``executable``, for the steps of ``tree``."""

    tree: WorkTree
    executable: str
    differs: dict[str, tuple[str, str]] = field(default_factory=dict)
    _known: dict[frozenset[str], Mapping[str, str]] = field(default_factory=dict)

    @property
    def python(self) -> str:
        """The version of Python, like ``3.11``."""
        return self._installed.python

    def reached(self, packages: frozenset[str]) -> Mapping[str, str]:
        """Return the version of each distribution that imports of ``packages`` can reach."""
        found = self._known.get(packages)
        if found is None:
            found = self._known[packages] = self._reached(packages - sys.stdlib_module_names)
        return found

    def roots(self) -> tuple[str, ...]:
        """Return the folders of the tree that libraries are installed in place from."""
        found = []
        for folder in self._installed.editable.values():
            inside = self._inside(folder)
            found += [] if inside is None else [inside, f"{inside}/src" if inside else "src"]
        return tuple(found)

    def _inside(self, folder: Path) -> str | None:
        """Return the path of ``folder`` in the tree, or None when it is elsewhere."""
        root = self.tree.root.resolve()
        if not folder.resolve().is_relative_to(root):
            return None
        path = folder.resolve().relative_to(root).as_posix()
        return "" if path == "." else path

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each distribution that is not installed as the lock file says."""
        for name, (locked, here) in sorted(self.differs.items()):
            file = self._locked[0]
            yield f"{name} {here} is installed, {file} says {locked}: what is installed counts"
        for name in sorted({name for known in self._known.values() for name in known}):
            folder = self._installed.editable.get(name)
            if folder is not None and self._inside(folder) is None:
                yield f"{name} is installed in place: what is edited in {folder} is not seen"

    def _reached(self, packages: frozenset[str]) -> Mapping[str, str]:
        if not packages:
            return {}
        found = reached(packages, self._locked[1], self._installed)
        self.differs.update({name: (locked, here) for name, locked, here in found.differs})
        return found.versions

    @cached_property
    def _installed(self) -> InstalledIn:
        return installed(self.executable)

    @cached_property
    def _locked(self) -> tuple[str, Mapping[str, str]]:
        """The name of the lock file that counts, and what it says."""
        for name in LOCK_FILES:
            data = self.tree.read(name)
            if data is not None:
                return name, versions(data.decode("utf-8", "replace"), name)
        names = sorted(path.name for path in self.tree.root.glob(REQUIREMENTS))
        # requirements.txt itself comes first.
        names.sort(key=lambda name: name != "requirements.txt")
        files = {name: self.tree.read(name) for name in names}
        return ", ".join(names), merged(
            versions(data.decode("utf-8", "replace"), name)
            for name, data in files.items()
            if data is not None
        )
