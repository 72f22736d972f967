"""What Python code reaches, as far as reading tells: imports, data files, and what it hides."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_BY_NAME: Final = frozenset({"import_module", "find_spec", "__import__", "run_module"})
_RESOURCES: Final = ("importlib.resources.", "importlib_resources.")
# Given a package and the name of a file in it.
_ONE_FILE: Final = frozenset(
    {"read_text", "read_binary", "open_text", "open_binary", "path", "get_data"}
)
_HIDDEN: Final = {
    "exec": "exec() of code that is only known when it runs",
    "runpy.run_path": "run_path() of a file that is only known when it runs",
    "importlib.util.spec_from_file_location": "a module is loaded from a file by its path",
    "importlib.machinery.SourceFileLoader": "a module is loaded from a file by its path",
    "importlib.metadata.entry_points": "entry_points(): what is installed says what is imported",
    "pkgutil.walk_packages": "walk_packages(): what lies there says what is imported",
    "pkgutil.iter_modules": "iter_modules(): what lies there says what is imported",
    "sys.path.append": "sys.path is changed: modules found by that are not followed",
    "sys.path.insert": "sys.path is changed: modules found by that are not followed",
    "sys.path.extend": "sys.path is changed: modules found by that are not followed",
}


@dataclass(frozen=True, slots=True)
class Import:
    """``import module`` (no names), ``from module import names``; ``level``: the leading dots."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True)
class Data:
    """Files of a package that are no code: one by its ``name``, or all (None).

    ``module`` and ``level`` as in ``Import``.
    """

    module: str
    level: int = 0
    name: str | None = None


@dataclass(slots=True)
class Reached:
    """What one piece of code reaches.

    ``exports``: the texts in its ``__all__``. ``unseen``: (line, what) of what cannot be followed.
    """

    imports: list[Import] = field(default_factory=list)
    data: list[Data] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    unseen: list[tuple[int, str]] = field(default_factory=list)


def look(tree: ast.AST, names: dict[str, str] | None = None) -> Reached:
    """Return what ``tree`` reaches, wherever in it.

    ``names``: what names stand for, as ``import`` says it (``np``: ``numpy``); what is found is
    added, for the next cell of a notebook. Relative ones keep their dots.
    """
    names = {} if names is None else names
    found = Reached()
    nodes = list(_live(tree))
    for node in nodes:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    found.imports.append(Import(alias.name))
                    top = alias.name.partition(".")[0]
                    names[alias.asname or top] = alias.name if alias.asname else top
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = "." * level + (module or "")
                found.imports.append(Import(module or "", tuple(a.name for a in aliases), level))
                for alias in aliases:
                    joined = base + alias.name if base.endswith(".") else f"{base}.{alias.name}"
                    names[alias.asname or alias.name] = joined
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
            ):
                found.exports += _texts(value)
            case ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value):
                found.exports += _texts(value)
            case _:
                pass
    for node in nodes:
        if isinstance(node, ast.Call):
            _call(node, names, found)
    return found


def _live(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those below ``if TYPE_CHECKING``, which no run ever comes to."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and stands_for(node.test, {}).endswith("TYPE_CHECKING"):
            todo += reversed(node.orelse)
        else:
            todo += reversed(list(ast.iter_child_nodes(node)))


def _call(call: ast.Call, names: dict[str, str], found: Reached) -> None:
    dotted = stands_for(call.func, names)
    last = dotted.rpartition(".")[2]
    if last in _BY_NAME:
        wanted = _imported(call, last)
        if wanted is None:
            found.unseen.append((call.lineno, f"{last}() of a name that is not written there"))
        else:
            found.imports.append(wanted)
    elif dotted in _HIDDEN:
        found.unseen.append((call.lineno, _HIDDEN[dotted]))
    elif dotted == "pkgutil.get_data" or (
        dotted.startswith(_RESOURCES) and (last == "files" or last in _ONE_FILE)
    ):
        package = _package(call, names)
        if package is None:
            found.unseen.append((call.lineno, f"{last}() of a package that is not written there"))
            return
        level = len(package) - len(package.lstrip("."))
        name = None if last == "files" else _text(call.args[1] if call.args[1:] else None)
        found.data.append(Data(package.lstrip("."), level, name))


def _imported(call: ast.Call, function: str) -> Import | None:
    """Return what ``import_module("...")`` imports, or None when its argument is no literal."""
    given = {one.arg: one.value for one in call.keywords}
    text = _text(call.args[0] if call.args else given.get("name"))
    if text is None:
        return None
    if function == "__import__":
        fromlist = call.args[3] if len(call.args) > 3 else given.get("fromlist")
        depth = call.args[4] if len(call.args) > 4 else given.get("level")
        level = depth.value if isinstance(depth, ast.Constant) else 0
        return Import(text, tuple(_texts(fromlist)), level if isinstance(level, int) else 0)
    name = text.lstrip(".")
    level = len(text) - len(name)
    package = _text(call.args[1] if len(call.args) > 1 else given.get("package"))
    if level and package is not None:
        parts = package.split(".")
        return Import(".".join([*parts[: len(parts) - (level - 1)], *([name] if name else [])]))
    return Import(name, level=level)


def _package(call: ast.Call, names: dict[str, str]) -> str | None:
    """Return the package that a call is about: ``.`` is the one that the code itself is in."""
    if not call.args and not call.keywords:
        return "."
    first = call.args[0] if call.args else call.keywords[0].value
    text = _text(first)
    if text is not None:
        return text
    if isinstance(first, ast.Name | ast.Attribute):
        dotted = stands_for(first, names)
        if dotted in ("__package__", "__name__", "__spec__.parent"):
            return "."
        if dotted.partition(".")[0] in {name.partition(".")[0] for name in names.values()}:
            return dotted
    return None


def stands_for(node: ast.AST, names: dict[str, str]) -> str:
    """Return what an expression such as ``resources.files`` stands for; '' when it is no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    # A method of whatever expression is known by its own name alone.
    parts.append(names.get(node.id, node.id) if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def _text(value: ast.expr | None) -> str | None:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _texts(value: ast.expr | None) -> list[str]:
    if value is None:
        return []
    return [
        node.value
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
