"""What a call of ``validate`` is asked about: some files and folders, or everything."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mlgitops.core.errors import UsageError
from mlgitops.core.findings import Finding
from mlgitops.core.trees import Tree


def places(root: Path, start: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return ``paths``, which a user in ``start`` gave, as seen from the ``root`` of a repository.

    '' is the root itself. A link is itself and what it leads to, if that is in here. Raises
    UsageError for what is not there, or not in the repository.
    """
    return tuple(dict.fromkeys(place for path in paths for place in _places(root, start, path)))


def within(findings: Iterable[Finding], asked: Sequence[str]) -> tuple[Finding, ...]:
    """Return the findings that are in the files and folders ``asked``, or lead there."""
    return tuple(
        finding
        for finding in findings
        if any(
            _inside(at.path, place)
            for at in (finding.at, *(at for at, _ in finding.related))
            for place in asked
        )
    )


def specs(tree: Tree, asked: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of all specs of ``tree``, or of those in the files and folders ``asked``."""
    from mlgitops.core.drafts import PROJECT_FILE, kinds_of

    files = (PROJECT_FILE, *tree.paths("environments"), *tree.paths("pipelines"))
    return tuple(
        path
        for path in files
        if kinds_of(path) and (not asked or any(_inside(path, place) for place in asked))
    )


def _inside(path: str, place: str) -> bool:
    return not place or path == place or path.startswith(place + "/")


def _places(root: Path, start: Path, path: str) -> Iterator[str]:
    yield _place(root, start, path)
    led = Path(os.path.realpath(start / path))
    if led.is_relative_to(root.resolve()):
        name = led.relative_to(root.resolve()).as_posix()
        yield "" if name == "." else name


def _place(root: Path, start: Path, path: str) -> str:
    # By name, not by where a link leads: findings name the link.
    full = Path(os.path.abspath(start / path))  # noqa: PTH100
    if not os.path.lexists(full):
        raise UsageError(f"there is no file or folder {path!r}", hint=f"it is sought in {start}")
    for top in (root, root.resolve()):
        for seen in (full, full.parent.resolve() / full.name):
            if seen.is_relative_to(top):
                name = seen.relative_to(top).as_posix()
                return "" if name == "." else name
    raise UsageError(f"{path!r} is not in this repository", hint=f"its root is {root}")
