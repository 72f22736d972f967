"""What is defined at the top of a module, so that it can be said what in it changed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from mlgitops.core.digests import Digest, of_bytes, of_value
from mlgitops.core.notebooks import read_notebook
from mlgitops.core.parsing import parse
from mlgitops.core.queries import meaning_of_query
from mlgitops.core.syntax import meaning, read_module


def digest_of_code(source: bytes, path: str) -> Digest:
    """Return the digest that a file has as code; SpecError when it is not what its name says."""
    if path.endswith(".py"):
        return read_module(source, path).digest
    if path.endswith(".ipynb"):
        return read_notebook(source, path).digest
    return of_bytes(source)


def is_code(source: bytes, path: str, digest: Digest) -> bool:
    """Return whether ``source`` has this digest, as code or, of a query, by what it asks."""
    if path.endswith(".sql") and meaning_of_query(source) == digest:
        return True
    return digest_of_code(source, path) == digest


def moved(old: bytes, new: bytes, path: str) -> tuple[str, ...]:
    """Return which names at the top of a module changed, such as ``build changed``."""
    before, after = dict(_definitions(old, path)), dict(_definitions(new, path))
    told = [f"{name} changed" for name in after if name in before and before[name] != after[name]]
    told += [f"{name} is new" for name in after if name not in before]
    told += [f"{name} is gone" for name in before if name not in after]
    return tuple(told)


def _definitions(source: bytes, path: str) -> Iterator[tuple[str, Digest]]:
    tree = parse(source, path) if path.endswith(".py") else None
    if not isinstance(tree, ast.Module):
        return
    found: dict[str, list[str]] = {}
    for node in tree.body:
        for name in _names(node):
            found.setdefault(name, []).append(meaning(node))
    parts: Mapping[str, list[str]] = found
    for name, digests in parts.items():
        yield name, of_value([*digests])


def _names(node: ast.stmt) -> tuple[str, ...]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Import() | ast.ImportFrom():
            return ("an import",)
        case ast.Assign(targets=targets):
            named = [
                one.id for top in targets for one in ast.walk(top) if isinstance(one, ast.Name)
            ]
            return tuple(named) or ("a statement",)
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return (name,)
        case ast.Expr(value=ast.Constant()):
            return ()
        case _:
            return ("a statement",)
