"""The code of a step: its module and every first-party module that it imports, found by reading.

Nothing is imported. A module counts by its meaning: comments, formatting, docstrings and the Python
version that reads it do not change its digest (``syntax`` does that part).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mlgitops.core.command_words import named
from mlgitops.core.digests import Digest, of_bytes
from mlgitops.core.errors import SpecError
from mlgitops.core.imports import Data, Import
from mlgitops.core.marks import Mark
from mlgitops.core.notebooks import read_notebook
from mlgitops.core.syntax import Module, read_module
from mlgitops.core.trees import Tree

# Where packages of a repository often are; looked at last.
_SOURCES: Final = "src"
_SHELLS: Final = (".sh", ".bash")
# Of a shell's script, no more is looked into than people write.
_LONGEST: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a step's code is.

    ``files``: path from the folder that it was found in (``features.py``, ``lib/text.py``) to the
    digest of its meaning. ``places``: the same to the path from the repository's root.
    ``packages``: the top-level names that it imports from elsewhere. ``unseen``: imports that
    reading cannot follow, each as ``path:line: what``.
    """

    files: Mapping[str, Digest]
    places: Mapping[str, str]
    packages: frozenset[str]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """One first-party module: its dotted name, and where it stands."""

    name: str
    root: str
    file: str
    package: str


@dataclass(slots=True)
class Codes:
    """Reads the code of the steps of one tree; each file is read once.

    ``more``: says in which further folders modules stand, asked when the first code is read.
    """

    tree: Tree
    more: Callable[[], tuple[str, ...]] = tuple
    _modules: dict[str, Module | None] = field(default_factory=dict)
    _commands: dict[tuple[str, tuple[str, ...]], Code] = field(default_factory=dict)
    _further: tuple[str, ...] | None = None
    _absent: set[str] = field(default_factory=set)
    _read: dict[str, tuple[bytes, Module]] = field(default_factory=dict)

    def again(self) -> Codes:
        """Return what reads every file anew, and parses those that have changed."""
        return Codes(self.tree, self.more, _read=self._read)

    def of_function(self, function: str, folder: str) -> Code:
        """Return the code that ``module:function`` reaches, for a pipeline in ``folder``.

        Modules are looked for in the pipeline's folder first, then at the repository's root.
        Raises SpecError when there is no such module, or one of the modules is no Python.
        """
        name, roots = function.partition(":")[0], self._roots(folder)
        found = self._find(name, roots)
        if not found or found[-1].name != name:
            path = name.replace(".", "/") + ".py"
            raise SpecError(
                f"there is no module {name!r} for {function!r}",
                hint=f"it is looked for at {folder}/{path} and {path}",
                at=Mark(path=f"{folder}/pipeline.yaml"),
            )
        return self._reach(found, roots)

    def of_script(self, path: str, folder: str) -> Code:
        """Return the code that the script or notebook ``path`` (from ``folder``) reaches."""
        above = f"{folder}/{path}".rpartition("/")[0]
        found = _Found(name=path, root=folder, file=path, package="")
        return self._reach([found], self._roots(above, folder))

    def of_command(self, words: tuple[str, ...], folder: str) -> Code:
        """Return the files of the pipeline's folder that a command names, and what they reach.

        Python is followed through its imports, a shell's script through what it names; a word with
        a slash can also name a folder.
        """
        known = self._commands.get((folder, words))
        if known is None:
            known = self._commands[folder, words] = self._of_command(words, folder)
        return known

    def _of_command(self, words: Sequence[str], folder: str) -> Code:
        files: dict[str, Digest] = {}
        places: dict[str, str] = {}
        reached: list[Code] = []
        todo = list(named(words))
        while todo:
            name, is_module = todo.pop(0)
            if is_module:
                reached += self._run_as_module(name, folder)
                continue
            if name in places:
                continue
            path = f"{folder}/{name}"
            data = None if path in self._absent else self.tree.read(path)
            if data is None:
                self._absent.add(path)
                if "/" in name:
                    inside = self.tree.paths(path)
                    todo += [(path.removeprefix(f"{folder}/"), False) for path in inside]
                continue
            head = data[:200].partition(b"\n")[0] if data.startswith(b"#!") else b""
            if name.endswith(".py") or b"python" in head:
                reached.append(self.of_script(name, folder))
                continue
            files[name], places[name] = of_bytes(data), path
            if name.endswith(_SHELLS) or head.rstrip().endswith(b"sh"):
                todo += named([data[:_LONGEST].decode("utf-8", "replace") + " "])
        for code in reached:
            files.update(code.files)
            places.update(code.places)
        return Code(
            files=dict(sorted(files.items())),
            places=places,
            packages=frozenset().union(*(code.packages for code in reached)),
            unseen=tuple(sorted({line for code in reached for line in code.unseen})),
        )

    def _run_as_module(self, name: str, folder: str) -> list[Code]:
        """Return the code of ``python -m name``, if it is first-party."""
        roots = self._roots(folder)
        found = self._find(name, roots)
        if not found or found[-1].name != name:
            return []
        if found[-1].package == name:
            found += self._find(f"{name}.__main__", roots)
        return [self._reach(found, roots)]

    def _roots(self, *folders: str) -> tuple[str, ...]:
        """Return where modules are looked for, in order."""
        if self._further is None:
            self._further = self.more()
        return tuple(dict.fromkeys((*folders, "", _SOURCES, *self._further)))

    def _reach(self, start: list[_Found], roots: tuple[str, ...]) -> Code:
        files: dict[str, Digest] = {}
        places: dict[str, str] = {}
        packages: set[str] = set()
        unseen: list[str] = []
        todo = list(start)
        while todo:
            found = todo.pop()
            path = _join(found.root, found.file)
            if found.file in places:
                continue
            module = self._module(path)
            assert module is not None
            files[found.file], places[found.file] = module.digest, path
            unseen += [f"{path}:{place}: {what}" for place, what in module.unseen]
            for wanted in module.imports:
                reached = list(self._resolve(wanted, found, roots))
                todo += reached
                if not reached and wanted.level == 0:
                    packages.add(wanted.module.partition(".")[0])
            for data in module.data:
                for name, place, digest in self._data(data, found, roots):
                    files[name], places[name] = digest, place
        return Code(
            files=dict(sorted(files.items())),
            places=places,
            packages=frozenset(packages),
            unseen=tuple(sorted(unseen)),
        )

    def _resolve(self, wanted: Import, by: _Found, roots: tuple[str, ...]) -> Iterator[_Found]:
        base = _absolute(wanted, by)
        if not base:
            return
        found = self._find(base, roots)
        yield from found
        names = wanted.names
        if names == ("*",) and found and found[-1].name == base:
            module = self._module(_join(found[-1].root, found[-1].file))
            names = module.exports if module is not None else ()
        for name in names:
            yield from self._find(f"{base}.{name}", roots)

    def _data(
        self, wanted: Data, by: _Found, roots: tuple[str, ...]
    ) -> Iterator[tuple[str, str, Digest]]:
        """Yield (name, path, digest) of the files of a package that are no code."""
        base = _absolute(wanted, by)
        below = base.replace(".", "/")
        for root in roots if base else ():
            folder = _join(root, below)
            if wanted.name is not None:
                paths: Iterable[str] = (f"{folder}/{wanted.name}",)
            else:
                paths = self.tree.paths(folder)
            some = False
            for path in paths:
                data = None if path.endswith((".py", ".pyc")) else self.tree.read(path)
                if data is not None:
                    some = True
                    yield path.removeprefix(f"{root}/" if root else ""), path, of_bytes(data)
            if some:
                return

    def _find(self, name: str, roots: tuple[str, ...]) -> list[_Found]:
        """Return the modules that ``import name`` runs, as Python finds them on ``roots``.

        The packages above it come first. Empty: none of it is first-party.
        """
        found: list[_Found] = []
        # (root, folder below it): one place, or several for a package without __init__.py.
        places = [(root, "") for root in roots]
        parts = name.split(".")
        for depth, part in enumerate(parts, start=1):
            dotted = ".".join(parts[:depth])
            for root, below in places:
                inner = _join(below, part)
                if self._module(_join(root, f"{inner}/__init__.py")) is not None:
                    found.append(_Found(dotted, root, f"{inner}/__init__.py", dotted))
                    places = [(root, inner)]
                    break
                if self._module(_join(root, f"{inner}.py")) is not None:
                    above = ".".join(parts[: depth - 1])
                    found.append(_Found(dotted, root, f"{inner}.py", above))
                    return found
            else:
                places = [(root, _join(below, part)) for root, below in places]
        return found

    def _module(self, path: str) -> Module | None:
        if path not in self._modules:
            source = self.tree.read(path)
            self._modules[path] = None if source is None else self._parsed(source, path)
        return self._modules[path]

    def _parsed(self, source: bytes, path: str) -> Module:
        known = self._read.get(path)
        if known is None or known[0] != source:
            read = read_notebook if path.endswith(".ipynb") else read_module
            known = self._read[path] = (source, read(source, path))
        return known[1]


def _absolute(wanted: Import | Data, by: _Found) -> str:
    """Return the dotted name that a relative one means in the module ``by``; '' for none."""
    if not wanted.level:
        return wanted.module
    parts = by.package.split(".") if by.package else []
    kept = parts[: len(parts) - (wanted.level - 1)]
    return ".".join([*kept, wanted.module] if wanted.module else kept)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
