"""Which classes a function makes objects of, as far as its file says it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlgitops.core.imports import look, stands_for
from mlgitops.core.parsing import NotPython, NotRead, parse
from mlgitops.core.unconvertible import OBJECT, POSITIONAL, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Constructed:
    """A call of ``name`` (with its package, ``sklearn.svm.SVC``) with ``given`` arguments.

    ``unknown``: the arguments that are no literals; ``**`` when there may be any. ``line``,
    ``column``, ``length``: where the class's own name stands.
    """

    name: str
    given: Mapping[str, Value]
    unknown: frozenset[str]
    line: int
    column: int
    length: int


def constructed(source: bytes, path: str, function: str) -> tuple[Constructed, ...]:
    """Return the calls of imported names in ``function`` and in all of its file that it names.

    Code that cannot be read has none: another rule says so.
    """
    tree = parse(source, path)
    if isinstance(tree, NotPython | NotRead):
        return ()
    names: dict[str, str] = {}
    look(tree, names)
    lines = source.decode("utf-8", "replace").split("\n")
    found = [
        _constructed(node, names, lines)
        for part in _reached(tree, function)
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    ]
    return tuple(sorted(found, key=lambda one: (one.line, one.column)))


def _reached(tree: ast.Module, function: str) -> Iterator[ast.stmt]:
    """Yield the statements at the top of a file that ``function`` comes to by names."""
    makers: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for name in _named(node):
            makers.setdefault(name, []).append(node)
    todo, seen = [function], {function}
    told: set[int] = set()
    while todo:
        for node in makers.get(todo.pop(), []):
            if id(node) not in told:
                told.add(id(node))
                yield node
                used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                todo += sorted(used - seen)
                seen |= used


def _named(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            named = [one for target in targets for one in ast.walk(target)]
            return [one.id for one in named if isinstance(one, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _constructed(call: ast.Call, names: dict[str, str], lines: list[str]) -> Constructed:
    name = stands_for(call.func, names)
    short = name.rpartition(".")[2]
    given: dict[str, Value] = {}
    unknown: set[str] = set()
    by_place = POSITIONAL.get(short, ())
    pairs: list[tuple[str | None, ast.expr]] = [
        *zip(by_place, call.args, strict=False),
        *((one.arg, one.value) for one in call.keywords),
    ]
    if any(isinstance(one, ast.Starred) for one in call.args):
        unknown.add("**")
    for keyword, value in pairs:
        if keyword is None:
            unknown.add("**")
            continue
        known, meant = _value(value)
        if known:
            given[keyword] = meant
        else:
            unknown.add(keyword)
    line, column, length = _place(call.func, lines)
    return Constructed(
        name=name,
        given=given,
        unknown=frozenset(unknown),
        line=line,
        column=column,
        length=length,
    )


def _value(node: ast.expr) -> tuple[bool, Value]:
    """Return whether a value is known, and what it is."""
    if isinstance(node, ast.Call | ast.Lambda):
        return True, OBJECT
    if isinstance(node, ast.Attribute):
        # As np.log1p; it may be a constant of some module, which no argument here takes.
        return True, OBJECT
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        # A list of names is a list, whatever they are.
        return (True, [OBJECT]) if isinstance(node, ast.List) else (False, None)


def _place(node: ast.expr, lines: list[str]) -> tuple[int, int, int]:
    """Return line, column and length of the last name of an expression, in characters."""
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    line, end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    before = lines[line - 1].encode()[:end].decode("utf-8", "replace")
    return line, len(before) - len(last) + 1, len(last)
