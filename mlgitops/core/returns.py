"""What a function returns, as far as its ``return`` statements say it in so many words."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BLOCKS = ("body", "orelse", "finalbody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """One ``return`` of a dict with these ``names``, or else of a tuple with ``count`` items."""

    line: int
    column: int
    names: tuple[str, ...] | None = None
    count: int = 0


def returned(function: ast.FunctionDef) -> tuple[Returned, ...]:
    """Return what each ``return`` with a literal dict or tuple gives; others are left out."""
    return tuple(one for node in _statements(function.body) for one in _read(node))


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.Return]:
    """Yield the returns of a body, without those of functions inside of it."""
    todo = list(reversed(body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in _BLOCKS:
                todo += getattr(node, name, ())
            for branch in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                todo += branch.body


def _read(node: ast.Return) -> Iterator[Returned]:
    line, column = node.lineno, node.col_offset + 1
    match node.value:
        case ast.Dict(keys=keys):
            names = [key.value for key in keys if isinstance(key, ast.Constant)]
            words = tuple(name for name in names if isinstance(name, str))
            if len(words) == len(keys):
                yield Returned(line=line, column=column, names=words)
        case ast.Tuple(elts=items) if not any(isinstance(item, ast.Starred) for item in items):
            yield Returned(line=line, column=column, count=len(items))
        case _:
            pass
