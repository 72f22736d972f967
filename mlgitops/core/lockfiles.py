"""Files that say which versions of libraries should be installed, in the order that they count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from mlgitops.core.errors import SpecError
from mlgitops.core.locks import normalise
from mlgitops.core.marks import Mark

# The first that is there counts, and the others do not. Of requirements*.txt all count together.
LOCK_FILES: Final = ("uv.lock", "pylock.toml", "requirements.lock")
REQUIREMENTS: Final = "requirements*.txt"

_PINNED: Final = re.compile(
    r"^\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*===?\s*([^\s;#\\]+)", re.MULTILINE
)
_TABLE: Final = re.compile(r"^\[\[packages?\]\][ \t]*$", re.MULTILINE)
_WRITTEN: Final = re.compile(
    r'^\[\[packages?\]\]\r?\nname = "([^"\\]+)"\r?\nversion = "([^"\\]+)"\r?$', re.MULTILINE
)


def versions(text: str, path: str) -> dict[str, str]:
    """Return the version of each distribution that a lock file names, under its normalised name.

    One that is there in several versions is left out: markers decide, so what is installed counts.
    Raises SpecError for what is no TOML and should be.
    """
    if path.endswith((".txt", "requirements.lock")):
        return _single((match[1], match[2]) for match in _PINNED.finditer(text))
    written = [(match[1], match[2]) for match in _WRITTEN.finditer(text)]
    # As their tools write them, which is quick to read; a big one takes 0.2 s as TOML.
    if len(written) == sum(1 for _ in _TABLE.finditer(text)):
        return _single(written)
    return _single(_tables(text, path))


def _tables(text: str, path: str) -> Iterable[tuple[str, str]]:
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(
            f"not TOML: {error}", hint="write it anew with its tool", at=Mark(path=path)
        ) from None
    for name in ("package", "packages"):
        tables = document.get(name)
        for table in tables if isinstance(tables, list) else ():
            match table:
                # The project itself is in it without one.
                case {"name": str(package), "version": str(version)}:
                    yield package, version
                case _:
                    pass


def _single(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    known: dict[str, set[str]] = {}
    for name, version in found:
        known.setdefault(normalise(name), set()).add(version)
    return {name: version for name, (version, *more) in known.items() if not more}


def merged(files: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return what several files say together; the first that names a distribution counts."""
    found: dict[str, str] = {}
    for one in files:
        found = {**one, **found}
    return found
