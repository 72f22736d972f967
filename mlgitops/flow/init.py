"""Init: a repository that works at once. Nothing that is there already is overwritten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from mlgitops import __version__
from mlgitops.core.errors import GitError, Refused, UsageError
from mlgitops.files import write_whole
from mlgitops.flow.schemas import refresh
from mlgitops.git import Repository
from mlgitops.git.installed import create

# Files that belong to the whole repository: what is missing is added at their end.
_SHARED: Final = frozenset({".gitignore", ".gitattributes"})
_OWNER: Final = re.compile(r"@[\w.-]+(/[\w.-]+)?|[^@\s]+@[^@\s]+")
BRANCH: Final = "main"
PLACEHOLDER: Final = "@your-org/ml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffolded:
    """``written`` and ``extended`` are paths below ``root``; ``created``: git was started there."""

    root: Path
    written: tuple[str, ...]
    extended: tuple[str, ...]
    created: bool


def init(directory: Path, *, name: str | None = None, owner: str | None = None) -> Scaffolded:
    """Scaffold a project in ``directory``, and start git there when it is in no repository.

    ``name``: default the folder's name. ``owner``: who reviews, for CODEOWNERS. Running it again
    changes nothing. Raises Refused, naming them, when files with another content are in the way
    (nothing is written then), and UsageError for a folder below the root of a repository.
    """
    if owner is not None and not _OWNER.fullmatch(owner):
        raise UsageError(f"{owner!r} names no owner", hint="write @person, @org/team or an email")
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is not a folder")
    root = directory.resolve()
    inside = _repository(root)
    words = {
        "__PROJECT__": _named(name or root.name, given=name is not None),
        "__BRANCH__": BRANCH if inside is None else _branch(inside),
        "__OWNER__": owner or PLACEHOLDER,
        "__VERSION__": __version__,
    }
    plan, extended = _plan(root, words)
    if inside is None:
        root.mkdir(parents=True, exist_ok=True)
        create(root, BRANCH)
    for path, data in plan.items():
        write_whole(root / path, data)
    refresh(root)
    written = tuple(path for path in plan if path not in extended)
    return Scaffolded(root=root, written=written, extended=extended, created=inside is None)


def _repository(root: Path) -> Repository | None:
    """Return the repository whose root is ``root``, or None when it is in none."""
    above = next((one for one in (root, *root.parents) if one.exists()), root)
    try:
        repository = Repository.open(above)
    except GitError:
        return None
    if repository.root.resolve() != root:
        raise UsageError(
            f"{root} is inside the repository {repository.root}",
            hint=f"mlgitops init {repository.root}, or choose a folder outside: a project is a"
            " whole repository",
        )
    return repository


def _branch(repository: Repository) -> str:
    """Return the branch that is checked out, also when nothing was committed yet."""
    head = repository.run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1)).strip()
    return head or BRANCH


def _named(text: str, *, given: bool) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")
    if given and name != text:
        raise UsageError(
            f"{text!r} is not a name",
            hint=f"lower-case letters, digits and '-'{f', like {name}' if name else ''}",
        )
    return name or "project"


def _plan(root: Path, words: dict[str, str]) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return what to write, and which of that are files of the user with lines added."""
    plan: dict[str, bytes] = {}
    extended, taken = [], []
    for path, template in _scaffold():
        data = _filled(template, words).encode()
        place = root / path
        if place.is_symlink() or (place.exists() and not place.is_file()):
            taken.append(path)
        elif not place.exists():
            plan[path] = data
        elif path in _SHARED:
            added = _with_missing_lines(place.read_bytes(), data)
            if added is not None:
                plan[path] = added
                extended.append(path)
        elif place.read_bytes() != data:
            taken.append(path)
    if taken:
        raise Refused(
            "these are there already, with another content: " + ", ".join(taken),
            hint="move them away, or scaffold into a new folder and take over what you need",
        )
    return plan, tuple(extended)


def _filled(template: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        template = template.replace(word, value)
    return template


def _with_missing_lines(there: bytes, wanted: bytes) -> bytes | None:
    present = set(there.splitlines())
    missing = [line for line in wanted.splitlines() if line not in present]
    if not [line for line in missing if not line.startswith(b"#")]:
        return None
    gap = b"" if there.endswith(b"\n") or not there else b"\n"
    return there + gap + b"".join(line + b"\n" for line in missing)


def _scaffold() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file; ``dot_`` stands for a dot that git would act on here."""

    def walk(folder: Traversable, before: str) -> Iterator[tuple[str, str]]:
        for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
            name = re.sub(r"^dot_", ".", one.name)
            if one.is_dir() and name != "__pycache__":
                yield from walk(one, f"{before}{name}/")
            elif one.is_file():
                yield before + name, one.read_text("utf-8")

    yield from walk(files("mlgitops").joinpath("scaffold", "templates"), "")
