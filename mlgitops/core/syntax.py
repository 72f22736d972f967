"""What one Python file means and imports, the same on every supported Python version."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from mlgitops.core.digests import Digest, of_bytes
from mlgitops.core.errors import SpecError
from mlgitops.core.imports import Data, Import, look
from mlgitops.core.marks import Mark
from mlgitops.core.parsing import NotPython, NotRead, parse

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# What says nothing (ctx follows from the place), or is there on some versions only.
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One file: the digest of its meaning, what it imports anywhere in it, texts in ``__all__``.

    ``data``: files that it reads as a package's. ``unseen``: (place, what) of what cannot be
    followed by reading; the place is a line.
    """

    digest: Digest
    imports: tuple[Import, ...] = ()
    data: tuple[Data, ...] = ()
    exports: tuple[str, ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()


def read_module(source: bytes, path: str) -> Module:
    """Read one file; SpecError, with the place, when it is no Python.

    One that is too large to be parsed counts by its bytes, and says so.
    """
    tree = parse(source, path)
    if isinstance(tree, NotPython):
        at = Mark(path=path, line=tree.line, column=tree.column)
        raise SpecError(f"not Python: {tree.why}", at=at)
    if isinstance(tree, NotRead):
        return Module(digest=of_bytes(source), unseen=(("1", f"{tree.why}: it is not read"),))
    found = look(tree)
    return Module(
        digest=meaning(tree),
        imports=tuple(found.imports),
        data=tuple(found.data),
        exports=tuple(found.exports),
        unseen=tuple((str(line), what) for line, what in found.unseen),
    )


def meaning(tree: ast.AST) -> Digest:
    """Return the digest of a syntax tree without comments, docstrings, formatting and positions."""
    digest = hashlib.sha256()
    for token in _tokens(tree):
        digest.update(token.encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return Digest("sha256:" + digest.hexdigest())


def _tokens(tree: ast.AST) -> Iterator[str]:
    """Yield the tree in prefix order, nodes with their number of fields, lists with their length.

    ``ast.dump`` cannot be used: it is recursive, and each Python version adds fields to it. A stack
    of our own also reads an expression with ten thousand terms.
    """
    stack: list[object] = [tree]
    while stack:
        item = stack.pop()
        match item:
            case _Token():
                yield item
            case ast.AST():
                fields = _fields(item)
                yield f"{type(item).__name__} {len(fields)}"
                for name, value in reversed(fields):
                    stack += [value, _Token(name)]
            case list():
                yield f"[{len(item)}"
                stack += reversed(item)
            case bool() | None:
                yield repr(item)
            case int():
                yield hex(item)  # repr() refuses numbers of more than 4,300 digits
            case _:
                # Not !r: what that calls printable follows the Unicode tables.
                yield f"{type(item).__name__} {item!a}"


class _Token(str):
    """Text to yield as it is."""

    __slots__ = ()


def _fields(node: ast.AST) -> list[tuple[str, object]]:
    if isinstance(node, ast.Constant | ast.MatchSingleton):
        return [("value", node.value)]
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "body" and isinstance(node, _DOCUMENTED):
            value = _without_docstring(node.body)
        elif name == "values" and isinstance(node, ast.JoinedStr):
            value = _joined(node.values)
        elif name == "format_spec" and isinstance(value, ast.JoinedStr) and not value.values:
            value = None
        if name not in _LEFT_OUT and value is not None and value != []:
            fields.append((name, value))
    return fields


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            # A body of a docstring alone does what `pass` does.
            return rest or [ast.Pass()]
        case _:
            return body


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string with neighbouring texts as one: 3.12 cuts them elsewhere."""
    parts: list[ast.expr] = []
    for value in values:
        match parts, value:
            case _, ast.Constant(value=""):
                pass
            case [*_, ast.Constant(value=str() as before)], ast.Constant(value=str() as text):
                parts[-1] = ast.Constant(value=before + text)
            case _:
                parts.append(value)
    return parts
