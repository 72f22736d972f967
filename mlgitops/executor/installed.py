"""What is installed where steps run, read from its metadata on disk.

``importlib.metadata`` can say the same, but takes half a second for what costs 25 ms here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlgitops.core.errors import Unreachable
from mlgitops.core.locks import Distribution, normalise

_ASK = "import json, sys; print(json.dumps([sys.path, sys.version_info[:2]]))"


def installed(python: str) -> InstalledIn:
    """Return what the interpreter ``python`` finds; Unreachable when it does not start."""
    if python == sys.executable:
        return InstalledIn(tuple(sys.path), f"{sys.version_info[0]}.{sys.version_info[1]}")
    try:
        # -P, as the steps are started: the present folder is no place to look in.
        asked = subprocess.run(
            [python, "-P", "-c", _ASK], capture_output=True, check=True, timeout=60
        )
        paths, version = json.loads(asked.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Unreachable(f"cannot ask {python} what is installed: {error}") from error
    return InstalledIn(tuple(paths), ".".join(str(part) for part in version))


@dataclass(frozen=True)
class InstalledIn:
    """The distributions in some folders, the first of a name (see ``core.locks.Installed``)."""

    folders: tuple[str, ...]
    python: str

    def get(self, name: str) -> Distribution | None:
        """See ``Installed.get``."""
        if name not in self._known:
            place = self._places.get(name)
            self._known[name] = None if place is None else _distribution(name, place)
        return self._known[name]

    def owners(self, package: str) -> tuple[str, ...]:
        """See ``Installed.owners``. Read from the lists of files, a namespace has several."""
        likely = normalise(package)
        if likely in self._places and self._provides(likely, package):
            return (likely,)
        return tuple(sorted(name for name in self._places if self._provides(name, package)))

    @cached_property
    def editable(self) -> Mapping[str, Path]:
        """The normalised names of what is installed in place, each with its folder."""
        found = {}
        for name, place in self._places.items():
            text = _read(place / "direct_url.json")
            if '"editable"' in text:
                folder = _editable(text)
                if folder is not None:
                    found[name] = folder
        return found

    def _provides(self, name: str, package: str) -> bool:
        files = "\n" + self._files(name)
        return any(
            f"\n{package}{end}" in files for end in ("/", ".py,", ".cpython-", ".abi3.", "\n")
        )

    def _files(self, name: str) -> str:
        if name not in self._lists:
            place = self._places[name]
            self._lists[name] = _read(place / "RECORD", place / "top_level.txt")
        return self._lists[name]

    @cached_property
    def _known(self) -> dict[str, Distribution | None]:
        return {}

    @cached_property
    def _lists(self) -> dict[str, str]:
        return {}

    @cached_property
    def _places(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self.folders:
            for entry in _entries(folder):
                stem, _, suffix = entry.rpartition(".")
                if suffix in ("dist-info", "egg-info"):
                    found.setdefault(normalise(stem.split("-", 1)[0]), Path(folder, entry))
        return found


def _distribution(name: str, place: Path) -> Distribution | None:
    """Read the head of a distribution's metadata; None when it has no version."""
    fields: dict[str, list[str]] = {}
    head = _read(place / "METADATA", place / "PKG-INFO").partition("\n\n")[0]
    for line in head.splitlines():
        key, _, value = line.partition(": ")
        fields.setdefault(key, []).append(value)
    versions = fields.get("Version")
    if not versions:
        return None
    requires = tuple(fields.get("Requires-Dist", ()))
    return Distribution(name=name, version=versions[0], requires=requires)


def _editable(text: str) -> Path | None:
    """Read where a distribution is installed from (PEP 610); None when it was copied."""
    try:
        match json.loads(text):
            case {"url": str(url), "dir_info": {"editable": True}} if url.startswith("file://"):
                return Path(unquote(urlsplit(url).path))
            case _:
                pass
    except ValueError:
        pass
    return None


def _entries(folder: str) -> Iterable[str]:
    try:
        return sorted(path.name for path in Path(folder).iterdir())
    except OSError:
        return ()


def _read(*places: Path) -> str:
    for place in places:
        try:
            return place.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return ""
