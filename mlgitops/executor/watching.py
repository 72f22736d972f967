"""What a step uses beyond what it declares, as far as Python can tell.

An audit hook hears what the standard library of this process opens, lists, starts and connects to,
and is told of the parquet files that Arrow opens by itself. It does not hear what other C code
does, what another process does, nor Arrow where it is first imported inside the step's function.
``docs/hermetic.md`` says it for the people whose steps these are.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from mlgitops.executor.fresh import load_fresh

_NOT_OURS: Final = frozenset({"site-packages", "dist-packages", "__pycache__", ".mlgitops"})
# Python looks into folders to find modules, and so do these: that is no reading of data.
_FINDERS: Final = ("importlib", "_frozen_importlib", "pkgutil", "zipimport")
# Libraries ask the machine by them what it is.
_PROBES: Final = frozenset({"lscpu", "ldconfig", "uname", "sysctl", "nproc", "gcc", "cc", "ld"})
_LOCAL_NAMES: Final = ("os", "collections.abc", "_collections_abc", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was used: each with the line of the repository that did it first, `... at FILE:LINE`.

    ``undeclared``: files and folders of the repository, and environment variables as ``$NAME``.
    ``network``: ``HOST:PORT``. ``programs``: started, and not observed themselves.
    """

    undeclared: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


class Watch:
    """Notes what is used while it is entered; ``declared`` files and folders are left out.

    ``own``: the job's directory, which may lie below ``root`` too. There is one in a process: a
    hook stays to its end.
    """

    def __init__(self, root: Path, declared: tuple[str, ...], own: Path) -> None:
        self._root = os.path.realpath(root) + "/"
        self._declared = frozenset(declared)
        self._folders = tuple(name for name in declared if name.endswith("/"))
        # Not all of sys.prefix: that is /usr where the repository may lie in /usr/src/app.
        libraries = {str(Path(os.__file__).parent), os.path.realpath(own)}
        if sys.prefix != sys.base_prefix:
            libraries.add(sys.prefix)
        self._libraries = tuple(f"{folder}/" for folder in libraries)
        self._reads: dict[str, str] = {}
        self._listed: dict[str, str] = {}
        self._variables: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._programs: dict[str, str] = {}
        self._resolved: set[object] = set()
        self._active = False
        self._hears: Mapping[str, Callable[..., None]] = {
            "open": self._open,
            "sqlite3.connect": lambda name, *_: self._open(name, "r", 0),
            "os.listdir": self._list,
            "os.scandir": self._list,
            "socket.getaddrinfo": self._resolve,
            "socket.gethostbyname": lambda name, *_: self._resolve(name, None),
            "socket.connect": self._connect,
            "socket.sendto": self._connect,
            "subprocess.Popen": self._start,
            "os.posix_spawn": self._start,
            "os.exec": self._start,
            "os.system": lambda line, *_: self._start(os.fsdecode(line).partition(" ")[0]),
            "os.fork": lambda *_: self._start("a fork of itself"),
        }
        _observe_environment(self._miss)
        sys.addaudithook(self._hear)

    def __enter__(self) -> None:
        if "pyarrow" in sys.modules:
            _tell_of_parquet()
        self._active = True

    def __exit__(self, *_: object) -> None:
        self._active = False

    def seen(self) -> Seen:
        """Return what was used so far."""
        files = {
            name: line
            for path, line in self._reads.items()
            if (name := path.removeprefix(self._root)) not in self._declared
            and not name.startswith(self._folders)
            and Path(path).is_file()
        }
        folders = {
            name or "./": line
            for path, line in self._listed.items()
            if not (name := f"{path}/".removeprefix(self._root)).startswith(self._folders)
            and Path(path).is_dir()
        }
        names = {f"${name}": line for name, line in self._variables.items()}
        return Seen(
            undeclared=(*_lines({**files, **folders}), *_lines(names)),
            network=_lines(self._hosts),
            programs=_lines(self._programs),
        )

    def load_fresh(self) -> None:
        """Import the repository's modules from their source, see ``fresh``."""
        load_fresh(lambda folder: self._ours(os.path.realpath(folder) + "/"))

    # -- what is heard ------------------------------------------------------------------------

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if self._active:
            heard = self._hears.get(event)
            if heard is not None:
                heard(*args)

    def _open(self, name: object, mode: object, flags: object) -> None:
        if isinstance(mode, str):
            reads = "r" in mode or "+" in mode
        else:
            reads = isinstance(flags, int) and flags & os.O_ACCMODE != os.O_WRONLY
        path = self._place(name) if reads else None
        if path is not None and path not in self._reads:
            self._reads[path] = self._line(sys._getframe(1)) or ""

    def _list(self, folder: object = None, *_: object) -> None:
        path = self._place("." if folder is None else folder, folder=True)
        if path is not None and path not in self._listed:
            line = self._line(sys._getframe(1), finders=False)
            if line:
                self._listed[path] = line

    def _miss(self, name: str) -> None:
        """Note the name of a variable that is asked for and not there: only code of the
        repository counts, libraries ask for many."""
        if self._active and name not in self._variables:
            line = self._line(sys._getframe(1), through=_LOCAL_NAMES)
            if line:
                self._variables[name] = line

    def _resolve(self, host: object, port: object = None, *_: object) -> None:
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        if isinstance(host, str) and host:
            self._resolved.add(_number(port))
            self._talk(host, port)

    def _connect(self, _: object, address: object, *__: object) -> None:
        # What was asked for by its name is connected to by its number.
        if isinstance(address, tuple) and address[1] not in self._resolved:
            self._talk(str(address[0]), address[1])

    def _talk(self, host: str, port: object) -> None:
        shown = f"[{host}]" if ":" in host else host
        whom = f"{shown}:{_number(port)}" if port else shown
        if whom not in self._hosts:
            self._hosts[whom] = self._line(sys._getframe(1)) or ""

    def _start(self, program: object, *_: object) -> None:
        if not isinstance(program, str | bytes | os.PathLike):
            return
        name = Path(os.fsdecode(program)).name
        if name not in self._programs and name not in _PROBES:
            line = self._line(sys._getframe(1), finders=False)
            if line:
                self._programs[name] = line

    # -- what is whose ------------------------------------------------------------------------

    def _place(self, name: object, *, folder: bool = False) -> str | None:
        """Return the real path of a file or folder of the repository, None for any other."""
        if isinstance(name, bytes | os.PathLike):
            name = os.fsdecode(name)
        if not isinstance(name, str) or name.startswith(self._libraries):
            return None
        path = os.path.realpath(name)
        return path if self._ours(f"{path}/" if folder else path) else None

    def _ours(self, path: str) -> bool:
        return (
            path.startswith(self._root)
            and not path.startswith(self._libraries)
            and not _NOT_OURS.intersection(path.removeprefix(self._root).split("/"))
        )

    def _line(
        self, frame: FrameType | None, *, finders: bool = True, through: tuple[str, ...] = ()
    ) -> str | None:
        """Return the nearest line of the repository's code, None when there is none.

        ``finders``: those that look for modules may stand between. ``through``: only these
        modules may, where there are some.
        """
        while frame is not None:
            path, module = frame.f_code.co_filename, frame.f_globals.get("__name__", "")
            if self._ours(path):
                return f"{path.removeprefix(self._root)}:{frame.f_lineno}"
            if through and module not in through:
                return None
            if not finders and module.partition(".")[0] in _FINDERS:
                return None
            frame = frame.f_back
        return None


def _lines(found: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{what} at {line}" if line else what for what, line in sorted(found.items()))


def _number(port: object) -> object:
    text = port.decode("ascii", "replace") if isinstance(port, bytes) else port
    return int(text) if isinstance(text, str) and text.isdigit() else text


def _observe_environment(miss: Callable[[str], None]) -> None:
    """Have ``miss`` called with each name that is looked up in the environment and not there.

    A step is given what it declares and nothing else, so that this is what it does not declare.
    """

    class Observed(os._Environ):  # type: ignore[type-arg]
        def __getitem__(self, key: Any) -> Any:
            try:
                return super().__getitem__(key)
            except KeyError:
                miss(os.fsdecode(key))
                raise

        def setdefault(self, key: Any, value: Any = None) -> Any:
            # It sets what the step itself says: nothing of the outside is read.
            if key not in list(self):
                self[key] = value
            return super().__getitem__(key)

    for one in (os.environ, os.environb):
        one.__class__ = Observed


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
