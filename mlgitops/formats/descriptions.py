"""What is common to all formats: what a file holds, and how a format is written and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgitops.core.digests import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a file holds: ``rows`` of a table or a list.

    ``content``: digest of a parquet table's rows, whoever wrote the file.
    ``types``: of an estimator, the types that loading it makes and skops does not know as safe.
    """

    rows: int | None = None
    columns: tuple[str, ...] | None = None
    content: Digest | None = None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: ``read`` takes the types of an estimator too; ``describe`` checks the file."""

    write: Callable[[object, Path], Description]
    read: Callable[[Path, Sequence[str]], object]
    describe: Callable[[Path], Description]


def named(value: object) -> str:
    """Return the type of a value, for people."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def words(error: BaseException) -> str:
    """Return an error's message in one line, with its type where that says more."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
