"""What a notebook does: its code cells in order; outputs, texts and metadata do not count."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import SpecError
from mlgitops.core.imports import Reached, look
from mlgitops.core.marks import Mark
from mlgitops.core.parsing import parse
from mlgitops.core.syntax import Module, meaning

# Tags that change how a cell is executed.
_TAGS: Final = frozenset({"parameters", "raises-exception", "skip-execution"})
# Cell magics whose body is Python.
_PYTHON: Final = frozenset({"time", "timeit", "capture", "prun"})
_MAGIC: Final = re.compile(r"(?P<before>\s*)(?P<text>[%!?].*|\w[\w.]*\?{1,2})\s*")
_ASSIGNED: Final = re.compile(r"(?P<before>\s*[\w.,\s\[\]]+=\s*)(?P<text>[%!].*)")


def read_notebook(source: bytes, path: str) -> Module:
    """Read a notebook; SpecError, with the place, when it is none.

    A cell that is Python counts by its meaning, what IPython adds to Python (``%magic``,
    ``!command``) by its text, and so does all of a notebook in another language.
    """
    notebook = _parsed(source, path)
    cells = _Cells(python=_language(notebook) == "python")
    for number, (text, tags) in enumerate(_code(notebook, path), start=1):
        cells.add(number, text, tags)
    found = cells.found
    return Module(
        digest=Digest("sha256:" + cells.digest.hexdigest()),
        imports=tuple(found.imports),
        data=tuple(found.data),
        unseen=tuple(cells.unseen),
    )


@dataclass(slots=True)
class _Cells:
    """What the cells so far come to."""

    python: bool
    found: Reached = field(default_factory=Reached)
    unseen: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, number: int, text: str, tags: list[str]) -> None:
        """Take one more cell in; one that does nothing does not count."""
        if not text.strip():
            return
        tree, magics = _read(text) if self.python else (None, [text])
        if tree is not None and not tree.body and not magics:
            return
        body = "" if tree is None else meaning(tree)
        parts = json.dumps([tags, body, magics])
        self.digest.update(parts.encode("utf-8", "surrogatepass") + b"\n")
        if tree is not None:
            inner = look(tree, self.names)
            self.found.imports += inner.imports
            self.found.data += inner.data
            self.unseen += [(f"cell {number}, line {line}", what) for line, what in inner.unseen]
        self.unseen += [
            (f"cell {number}", f"{magic.strip().split()[0]} runs a file that is not read")
            for magic in magics
            if re.match(r"\s*%(run|load)\b", magic)
        ]


def _read(text: str) -> tuple[ast.Module | None, list[str]]:
    """Return the cell as Python, None when it is none, and the lines that only IPython reads."""
    head, _, rest = text.lstrip().partition("\n")
    magics: list[str] = []
    if head.startswith("%%"):
        if head[2:].split(" ")[0] not in _PYTHON:
            return None, [text]
        magics, text = [head.rstrip()], rest
    tree = parse(text.encode("utf-8", "replace"), "cell")
    if isinstance(tree, ast.Module):
        return tree, magics
    lines = []
    for line in text.splitlines():
        magic = _MAGIC.fullmatch(line) or _ASSIGNED.fullmatch(line)
        if magic is not None:
            magics.append(magic["text"].rstrip())
            line = magic["before"] + "..."
        lines.append(line)
    tree = parse("\n".join(lines).encode("utf-8", "replace"), "cell")
    return (tree, magics) if isinstance(tree, ast.Module) else (None, [text])


def _parsed(source: bytes, path: str) -> dict[str, object]:
    try:
        value = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"not a notebook: {error}", at=Mark(path=path)) from None
    if not isinstance(value, dict) or not isinstance(value.get("cells"), list):
        old = isinstance(value, dict) and "worksheets" in value
        raise SpecError(
            "a notebook of format 3, which is not read"
            if old
            else "not a notebook: it has no cells",
            hint="`jupyter nbconvert --to notebook --inplace` writes it anew",
            at=Mark(path=path),
        )
    return value


def _language(notebook: dict[str, object]) -> str:
    metadata = notebook.get("metadata")
    if isinstance(metadata, dict):
        for key, name in (("kernelspec", "language"), ("language_info", "name")):
            inner = metadata.get(key)
            if isinstance(inner, dict) and isinstance(inner.get(name), str):
                return str(inner[name]).lower()
    return "python"


def _code(notebook: dict[str, object], path: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the text of each code cell, with the tags that change how it is executed."""
    cells = notebook["cells"]
    assert isinstance(cells, list)
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        yield text, sorted(_TAGS.intersection(tags) if isinstance(tags, list) else ())
