"""What a change reaches: the specs that it touches, and all whose findings may depend on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.drafts import PROJECT_FILE, TEMPLATES, kinds_of
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import Finding
from mlgitops.core.sources import read
from mlgitops.core.trees import Tree

_ENVIRONMENT: Final = re.compile(r"environments/[^/]+/environment\.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """``paths``: the files asked about, None for all; ``folders``: those all of whose files are.

    ``needed``: the specs that have to be read to judge them, None for all.
    """

    touched: int
    paths: frozenset[str] | None
    folders: frozenset[str] = frozenset()
    needed: frozenset[str] | None = None

    def __str__(self) -> str:
        if not self.touched:
            return "nothing was changed"
        changed = "1 file was" if self.touched == 1 else f"{self.touched} files were"
        if self.paths is None:
            return f"{changed} changed, and every spec may depend on that"
        specs = sum(1 for path in self.paths if kinds_of(path))
        return f"{changed} changed; looking at {'1 spec' if specs == 1 else f'{specs} specs'}"

    def covers(self, finding: Finding) -> bool:
        """Return whether the finding is in a file that is asked about, or leads to one."""
        if self.paths is None:
            return True
        places = (finding.at, *(at for at, _ in finding.related))
        return any(at.path in self.paths or _folder(at.path) in self.folders for at in places)


def reach(tree: Tree, before: Callable[[str], bytes | None], touched: Iterable[str]) -> Reach:
    """Return what a change of the files ``touched`` of ``tree`` reaches; ``before`` reads old ones.

    Nothing but the specs that are touched is parsed: who depends on them has to write their names,
    and is found by looking for these in the text. So it may be too much, and is never too little.
    What every spec depends on (an environment, a template, the project) reaches everything.
    """
    paths = frozenset(touched)
    if any(map(_for_all, paths)):
        return Reach(touched=len(paths), paths=None)
    if not paths:
        return Reach(touched=0, paths=paths, needed=paths)
    files = (*tree.paths("environments"), *tree.paths("pipelines"))
    texts = _Texts({path: _text(tree, path) for path in files if kinds_of(path)})
    folders = frozenset(_folder(path) for path in paths if path.startswith("pipelines/"))
    names: set[str] = set()
    for folder in folders:
        names.add(folder.partition("/")[2])
        for at in (path for path in {*texts.of, *paths} if _folder(path) == folder):
            for text in (texts.of.get(at), before(at)):
                names.update(name for _, name in _named(at, text or b""))
    found = texts.naming(names) | texts.searched(_files_and_modules(paths))
    environments = {path for path in texts.of if _ENVIRONMENT.fullmatch(path)}
    inside = {path for path in texts.of if _folder(path) in folders}
    asked = paths | found | inside | (environments if folders else set())
    return Reach(
        touched=len(paths),
        paths=asked,
        folders=folders,
        needed=frozenset(_closed(texts, asked | environments)) | {PROJECT_FILE},
    )


@dataclass(frozen=True, slots=True)
class _Texts:
    """The bytes of all specs by path."""

    of: Mapping[str, bytes]

    def naming(self, names: Iterable[str], below: str = "") -> set[str]:
        """Return the specs below the folder ``below`` that have one of ``names`` as a word.

        A text with a backslash may spell it in another way, and is among them.
        """
        words = ((name.encode("utf-8", "replace"), rb"(?![A-Za-z0-9-])") for name in sorted(names))
        return {path for path in self.searched(words) if path.startswith(below)}

    def searched(self, words: Iterable[tuple[bytes, bytes]]) -> set[str]:
        """Return the specs that have one of ``words``, or a backslash.

        Each is what starts a word, and a pattern of what comes right after it.
        """
        wanted = list(words)
        if not wanted:
            return set()
        every = b"|".join(re.escape(start) + after for start, after in wanted)
        word = re.compile(rb"(?<![A-Za-z0-9-])(?:%s)" % every)

        def has(text: bytes) -> bool:
            # To look for bytes is ten times faster than for a pattern, and most texts have none.
            return b"\\" in text or (
                any(start in text for start, _ in wanted) and word.search(text) is not None
            )

        return {path for path, text in self.of.items() if has(text)}


def _closed(texts: _Texts, start: Iterable[str]) -> set[str]:
    """Return the specs of ``start``, with all that they name."""
    done: set[str] = set()
    todo = {path for path in start if path in texts.of}
    models: set[str] = set()
    while todo:
        done |= todo
        named = [one for path in todo for one in _named(path, texts.of[path])]
        pipelines = {f"pipelines/{name}" for kind, name in named if kind == "pipeline"}
        # A pipeline is judged by what its model makes of it, too.
        pipelines |= {_folder(path) for path in todo if path.startswith("pipelines/")}
        wanted = {name for kind, name in named if kind == "model"} - models
        models |= wanted
        todo = texts.naming(wanted, "pipelines/")
        todo |= {path for path in texts.of if _folder(path) in pipelines}
        todo -= done
    return done


def _named(path: str, text: bytes) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of what the specs of a file are called, and of what they name."""
    if not kinds_of(path):
        return
    for document in read(text, path).documents:
        value = document.value
        if isinstance(value, dict):
            yield from _pairs(value, ("name", "pipeline", "model"))
            gates = value.get("gates")
            for gate in gates if isinstance(gates, list) else ():
                if isinstance(gate, dict):
                    yield from _pairs(gate, ("model",))


def _pairs(value: Mapping[str, JSON], keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key in keys:
        name = value.get(key)
        if isinstance(name, str) and name:
            yield key, name


def _files_and_modules(paths: Iterable[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield how specs name ``paths``: a module as in ``a.b:function``, any other as a file."""
    for path in paths:
        if path.endswith(".py"):
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            yield f"{module}:".encode("utf-8", "replace"), rb"[A-Za-z_]"
        elif not path.startswith(("pipelines/", "environments/")):
            yield path.rpartition("/")[2].encode("utf-8", "replace"), b""


def _for_all(path: str) -> bool:
    return (
        path == PROJECT_FILE
        or path.startswith(TEMPLATES)
        or _ENVIRONMENT.fullmatch(path) is not None
    )


def _folder(path: str) -> str:
    """Return ``pipelines/<name>`` or ``environments/<name>`` of what stands in there."""
    return "/".join(path.split("/", 2)[:2])


def _text(tree: Tree, path: str) -> bytes:
    try:
        return tree.read(path) or b""
    except (OSError, MlgitopsError):
        return b"\\"  # What cannot be read may name anything.
