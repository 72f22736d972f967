"""Which files of the repository a step reads, as far as Python can tell.

An audit hook hears ``open``, ``os.open`` and ``sqlite3.connect`` of this process, and is told of
the parquet files that Arrow opens by itself. It does not hear what other C code opens, what a child
process reads, nor Arrow where it is first imported inside the step's function.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import FrameType

_NOT_OURS = frozenset({"site-packages", "dist-packages", "__pycache__", ".mlgitops"})


class Watch:
    """Notes reads below ``root`` while it is entered; ``declared`` ones are left out.

    ``own``: the job's directory, which may lie below ``root`` too.
    """

    def __init__(self, root: Path, declared: tuple[str, ...], own: Path) -> None:
        self._root = os.path.realpath(root) + "/"
        self._declared = declared
        # Not all of sys.prefix: that is /usr where the repository may lie in /usr/src/app.
        libraries = {str(Path(os.__file__).parent), os.path.realpath(own)}
        if sys.prefix != sys.base_prefix:
            libraries.add(sys.prefix)
        self._libraries = tuple(f"{folder}/" for folder in libraries)
        self._reads: dict[str, str] = {}
        self._active = False
        sys.addaudithook(self._hear)

    def __enter__(self) -> None:
        if "pyarrow" in sys.modules:
            _tell_of_parquet()
        self._active = True

    def __exit__(self, *_: object) -> None:
        self._active = False

    def undeclared(self) -> tuple[str, ...]:
        """Return what was read, from the root, each with the line that read it first."""
        found = []
        for path, reader in sorted(self._reads.items()):
            name = path.removeprefix(self._root)
            folders = [folder for folder in self._declared if folder.endswith("/")]
            if (
                name in self._declared
                or name.startswith(tuple(folders))
                or not Path(path).is_file()
            ):
                continue
            found.append(f"{name} at {reader}" if reader else name)
        return tuple(found)

    def load_fresh(self) -> None:
        """Import the repository's modules from their source, never from ``__pycache__``.

        A cached file is taken as current when second and size are the same: an edit within the
        second after an import would be missed.
        """
        sys.path_hooks.insert(0, self._finder)
        sys.path_importer_cache.clear()

    def _finder(self, folder: str) -> FileFinder:
        if not self._ours(os.path.realpath(folder) + "/"):
            raise ImportError("not a folder of the repository")
        loaders = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (_FreshLoader, SOURCE_SUFFIXES))
        return FileFinder(folder, *loaders)

    def _ours(self, path: str) -> bool:
        return (
            path.startswith(self._root)
            and not path.startswith(self._libraries)
            and not _NOT_OURS.intersection(path.removeprefix(self._root).split("/"))
        )

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if not self._active or event not in ("open", "sqlite3.connect"):
            return
        name, mode, flags = args if event == "open" else (args[0], "r", 0)
        if isinstance(name, bytes | os.PathLike):
            name = os.fsdecode(name)
        if not isinstance(name, str) or name.startswith(self._libraries):
            return
        if isinstance(mode, str):
            reads = "r" in mode or "+" in mode
        else:
            reads = isinstance(flags, int) and flags & os.O_ACCMODE != os.O_WRONLY
        path = os.path.realpath(name)
        if reads and path not in self._reads and self._ours(path):
            self._reads[path] = self._reader(sys._getframe(1))

    def _reader(self, frame: FrameType | None) -> str:
        while frame is not None:
            path = frame.f_code.co_filename
            if self._ours(path):
                return f"{path.removeprefix(self._root)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""


class _FreshLoader(SourceFileLoader):
    def path_stats(self, path: str) -> dict[str, object]:
        raise OSError("the cache of compiled modules is not asked")


def _tell_of_parquet() -> None:
    """Make Arrow say which parquet files it opens, as Python itself does of every file."""
    with suppress(ImportError):
        from pyarrow.parquet import ParquetDataset, ParquetFile

        for kind in (ParquetDataset, ParquetFile):
            if not hasattr(kind.__init__, "__wrapped__"):
                kind.__init__ = _telling(kind.__init__)


def _telling(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def told(self: object, source: object, *args: object, **more: object) -> None:
        for path in source if isinstance(source, list) else [source]:
            if isinstance(path, str | os.PathLike):
                sys.audit("open", os.fspath(path), "r", 0)
        original(self, source, *args, **more)

    return told
