"""What is common to all formats: what a file holds, and how a format is written and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlgitops.core.digests import Digest
from mlgitops.core.measures import Measure

if TYPE_CHECKING:
    from mlgitops.ml.contracts import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a file holds: ``rows`` of a table or a list.

    ``content``: digest of a parquet table's rows, whoever wrote the file.
    ``types``: of an estimator, the types that loading it makes and skops does not know as safe.
    ``metrics``: the numbers of a JSON object, by dotted name.
    """

    rows: int | None = None
    columns: tuple[str, ...] | None = None
    content: Digest | None = None
    types: tuple[str, ...] = ()
    metrics: Mapping[str, Measure] = field(default_factory=dict)


# Whoever goes through rows shows them to the check of a contract too, when there is one.
Rows: TypeAlias = "Check | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: ``read`` takes the types of an estimator too; ``describe`` checks the file."""

    write: Callable[[object, Path, Rows], Description]
    read: Callable[[Path, Sequence[str]], object]
    describe: Callable[[Path, Rows], Description]


def named(value: object) -> str:
    """Return the type of a value, for people."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def words(error: BaseException) -> str:
    """Return an error's message in one line, with its type where that says more."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
