"""The environment part of a step's key: only the distributions that the step can reach.

A lock file says what ought to be installed; what *is* installed decides what a step computes. Where
both are known and differ, the installed version counts: a key must not claim what did not happen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

_NEEDED = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")

# A distribution's normalised name, and the extras that are asked of it.
_Wanted: TypeAlias = "tuple[str, frozenset[str]]"

# What reads and writes a format is part of what a step computes, also where its code names none.
FORMAT_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "parquet": ("pandas", "pyarrow"),
    "csv": ("pandas",),
    "npy": ("numpy",),
    "npz": ("numpy",),
    "onnx": ("onnx",),
    "estimator": ("skops",),
}
# So is what executes it.
KIND_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {"sql": ("duckdb",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution; ``requires`` as written in its metadata."""

    name: str
    version: str
    requires: tuple[str, ...] = ()


class Installed(Protocol):
    """What is installed where steps run."""

    @property
    def python(self) -> str:
        """The Python version, like ``3.11``."""
        ...

    def get(self, name: str) -> Distribution | None:
        """Return a distribution by its normalised name."""
        ...

    def owners(self, package: str) -> tuple[str, ...]:
        """Return the normalised names of the distributions that an import name comes from."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """``versions``: normalised name to version, of what a step reaches.

    ``differs``: (name, locked, installed) where the lock file and the environment disagree.
    """

    versions: Mapping[str, str]
    differs: tuple[tuple[str, str, str], ...] = ()


def normalise(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def reached(packages: Iterable[str], locked: Mapping[str, str], installed: Installed) -> Lock:
    """Return the distributions that imports of ``packages`` can reach, with their versions.

    A package that nothing installed provides, but the lock file lists by that name, is in it too.
    """
    versions: dict[str, str] = {}
    differs: list[tuple[str, str, str]] = []
    todo: list[_Wanted] = []
    for package in packages:
        owners = installed.owners(package) or (normalise(package),)
        todo += [(owner, frozenset()) for owner in owners]
    seen: set[_Wanted] = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        known = installed.get(name)
        version = known.version if known else locked.get(name)
        if version is None:
            continue
        if name not in versions and version != locked.get(name, version):
            differs.append((name, locked[name], version))
        versions[name] = version
        todo += _required(known, extras)
    return Lock(versions=dict(sorted(versions.items())), differs=tuple(sorted(differs)))


def _required(
    known: Distribution | None, extras: frozenset[str]
) -> list[tuple[str, frozenset[str]]]:
    """Return what a distribution needs. Markers other than ``extra`` are taken as true: what they
    keep out is not installed, or is installed and harmless to count."""
    needed = []
    for text in known.requires if known else ():
        requirement, _, marker = text.partition(";")
        asked = set(_EXTRA.findall(marker))
        match = _NEEDED.match(requirement)
        if match is not None and (not asked or asked & extras):
            inner = frozenset(part.strip() for part in (match[2] or "").split(",") if part.strip())
            needed.append((normalise(match[1]), inner))
    return needed
