"""The functions that specs name: found and described by reading Python, never by importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mlgitops.core.errors import NotAllowed
from mlgitops.core.parsing import MAX_BYTES, NotPython, NotRead, parse
from mlgitops.core.returns import Returned, returned
from mlgitops.core.trees import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as it is written in ``path``.

    ``accepts``: the names it can be called with, None when it takes any or when a decorator or an
    assignment hides them. ``needs``: those without a default. ``by_place``: those that cannot be
    given by name. ``plain``: not a coroutine. ``returns``: what its ``return`` statements give, as
    far as they say it. ``column``: where its name starts, 0 when it is not known.
    """

    path: str
    line: int
    accepts: tuple[str, ...] | None
    needs: tuple[str, ...]
    by_place: tuple[str, ...] = ()
    plain: bool = True
    returns: tuple[Returned, ...] = ()
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoModule:
    """There is no such module; ``looked`` are the files that it could be in."""

    module: str
    looked: tuple[str, ...]
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFunction:
    """The module has no such name; ``functions`` are those that it has."""

    path: str
    functions: tuple[str, ...]


Answer: TypeAlias = "Function | NoModule | NotPython | NoFunction | NotRead"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    """The names that a module has at its top level; ``open``: it may have others too."""

    path: str
    functions: dict[str, Function]
    open: bool


@dataclass(slots=True)
class Functions:
    """Finds functions in one tree; each file is read once."""

    tree: Tree
    _modules: dict[str, _Module | NotPython | NotRead | None] = field(default_factory=dict)
    _found: dict[tuple[str, str], _Module | NotPython | NotRead | NoModule] = field(
        default_factory=dict
    )

    def find(self, function: str, folder: str) -> Answer:
        """Find ``module:function``, in the pipeline's ``folder``, at the root, or in ``src``."""
        name, _, wanted = function.partition(":")
        found = self._found.get((name, folder))
        if found is None:
            found = self._found[name, folder] = self._find(name, folder)
        if isinstance(found, NoModule | NotPython | NotRead):
            return found
        if wanted in found.functions:
            return found.functions[wanted]
        if found.open:
            return Function(path=found.path, line=1, accepts=None, needs=())
        return NoFunction(path=found.path, functions=tuple(found.functions))

    def _find(self, name: str, folder: str) -> _Module | NotPython | NotRead | NoModule:
        below = name.replace(".", "/")
        roots = (f"{folder}/", "")
        for root in (*roots, "src/"):
            for path in (f"{root}{below}/__init__.py", f"{root}{below}.py"):
                module = self._module(path)
                if module is not None:
                    return module
        return NoModule(
            module=name,
            looked=tuple(f"{root}{below}.py" for root in roots),
            modules=tuple(
                path.removeprefix(roots[0]).removesuffix(".py").replace("/", ".")
                for path in self.tree.paths(folder)
                if path.endswith(".py")
            ),
        )

    def _module(self, path: str) -> _Module | NotPython | NotRead | None:
        if path not in self._modules:
            try:
                source = self.tree.read(path, MAX_BYTES + 1)
            except NotAllowed as error:
                self._modules[path] = NotRead(path=path, why=error.message)
            else:
                self._modules[path] = None if source is None else _read(source, path)
        return self._modules[path]


def _read(source: bytes, path: str) -> _Module | NotPython | NotRead:
    tree = parse(source, path)
    if isinstance(tree, NotPython | NotRead):
        return tree
    functions: dict[str, Function] = {}
    is_open = False
    for node in _top_level(tree.body):
        match node:
            case ast.FunctionDef():
                functions[node.name] = _described(node, path)
                is_open = is_open or node.name == "__getattr__"
            case ast.AsyncFunctionDef():
                functions[node.name] = replace(_hidden(node, path), plain=False)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                is_open = is_open or any(alias.name == "*" for alias in names)
                for alias in names:
                    name = alias.asname or alias.name.partition(".")[0]
                    functions[name] = _hidden(node, path)
            case ast.ClassDef(name=name):
                functions[name] = _hidden(node, path)
            case ast.Assign(targets=targets):
                for target in targets:
                    for named in ast.walk(target):
                        if isinstance(named, ast.Name):
                            functions[named.id] = _hidden(node, path)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                functions[name] = _hidden(node, path)
            case _:
                pass
    return _Module(path=path, functions=functions, open=is_open)


def _top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, also those below if, try, with and loops."""
    todo = list(reversed(body))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("finalbody", "orelse", "body"):
                todo += reversed(getattr(node, name, []))
            for handler in getattr(node, "handlers", []):
                todo += reversed(handler.body)


def _described(node: ast.FunctionDef, path: str) -> Function:
    if node.decorator_list:
        return _hidden(node, path)
    given = node.args
    by_place = tuple(one.arg for one in given.posonlyargs)
    named = [one.arg for one in given.args]
    only = [one.arg for one in given.kwonlyargs]
    with_default = len(given.defaults)
    needed = [one.arg for one in (*given.posonlyargs, *given.args)]
    needed = needed[: len(needed) - with_default]
    needed += [name for name, value in zip(only, given.kw_defaults, strict=True) if value is None]
    return Function(
        path=path,
        line=node.lineno,
        accepts=None if given.kwarg is not None else (*named, *only),
        needs=tuple(needed),
        by_place=by_place,
        returns=returned(node),
        column=node.col_offset + len("def ") + 1,
    )


def _hidden(node: ast.stmt, path: str) -> Function:
    return Function(path=path, line=node.lineno, accepts=None, needs=())
