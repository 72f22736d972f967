"""What one Python file means and imports, the same on every supported Python version."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from mlgitops.core.digests import Digest
from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTERS = frozenset({"import_module", "find_spec", "__import__"})
# What says nothing (ctx follows from the place), or is there on some versions only.
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


@dataclass(frozen=True, slots=True)
class Import:
    """``import module`` (no names), ``from module import names``; ``level``: the leading dots."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One file: the digest of its meaning, what it imports anywhere in it, its literal ``__all__``.

    ``unseen``: (line, what) of imports whose name is only known when it runs.
    """

    digest: Digest
    imports: tuple[Import, ...]
    exports: tuple[str, ...]
    unseen: tuple[tuple[int, str], ...]


def read_module(source: bytes, path: str) -> Module:
    """Read one file; SpecError, with the place, when it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, path)
    except SyntaxError as error:
        at = Mark(path=path, line=error.lineno or 1, column=error.offset or 1)
        raise SpecError(f"not Python: {error.msg}", at=at) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SpecError(f"not Python: {error}", at=Mark(path=path)) from None
    imports: list[Import] = []
    exports: tuple[str, ...] = ()
    unseen: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                imports += [Import(alias.name) for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                imports.append(Import(module or "", tuple(a.name for a in names), level))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _IMPORTERS:
                wanted = _called(node)
                if wanted is None:
                    unseen.append((node.lineno, f"{name}() of a name that is not written there"))
                else:
                    imports.append(wanted)
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                exports = _words(value)
            case _:
                pass
    return Module(
        digest=meaning(tree), imports=tuple(imports), exports=exports, unseen=tuple(unseen)
    )


def _called(call: ast.Call) -> Import | None:
    """Return what ``import_module("...")`` imports, or None when its argument is no literal."""
    first = call.args[0] if call.args else None
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    name = first.value.lstrip(".")
    return Import(name, level=len(first.value) - len(name))


def _words(value: ast.expr) -> tuple[str, ...]:
    items = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    return tuple(
        item.value
        for item in items
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
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
