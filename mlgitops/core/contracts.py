"""What the rows of an output promise, as a worker is told it, and how a broken promise is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from mlgitops.core.digests import JSON, Digest, of_value

if TYPE_CHECKING:
    # A worker reads a contract as JSON, and pays for no library of specs.
    from mlgitops.core.specs.base import Located
    from mlgitops.core.specs.contracts import Contract as Spec

Bound: TypeAlias = int | float | str
Category: TypeAlias = int | str | bool

EXAMPLES: Final = 3
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What every value of one column promises; ``lines``: each promise to its line in the file."""

    name: str
    type: str
    required: bool
    nullable: bool
    unique: bool
    min: Bound | None
    max: Bound | None
    categories: tuple[Category, ...] | None
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The promises of one file; ``fewest`` and ``most`` rows, ``strict``: no other columns."""

    path: str
    columns: tuple[Column, ...]
    strict: bool
    fewest: int | None
    most: int | None
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One broken promise: ``line`` of the contract, what is wrong, and the first rows with it.

    ``examples``: rows, counted from 1, each with its value as text or empty.
    """

    line: int
    what: str
    examples: tuple[tuple[int, str], ...] = ()


def of_spec(located: Located[Spec]) -> Contract:
    """Return what a contract's file promises."""
    spec = located.spec

    def line(*keys: str) -> int:
        return located.mark_key(*keys).line

    return Contract(
        path=located.path,
        columns=tuple(
            Column(
                name=name,
                type=one.type,
                required=one.required,
                nullable=one.nullable,
                unique=one.unique,
                min=one.min,
                max=one.max,
                categories=None if one.categories is None else tuple(one.categories),
                lines={
                    key: line("columns", name, key)
                    for key in ("type", "required", "nullable", "unique", "min", "max")
                }
                | {"categories": line("columns", name, "categories")},
            )
            for name, one in spec.columns.items()
        ),
        strict=spec.strict,
        fewest=spec.rows.min,
        most=spec.rows.max,
        lines={
            "strict": line("strict"),
            "fewest": line("rows", "min"),
            "most": line("rows", "max"),
        },
    )


def meaning(contract: Contract) -> Digest:
    """Return the digest of what is promised, wherever and however it is written."""
    columns: dict[str, JSON] = {}
    for one in contract.columns:
        columns[one.name] = {
            "type": one.type,
            "required": one.required,
            "nullable": one.nullable,
            "unique": one.unique,
            "min": one.min,
            "max": one.max,
            "categories": None if one.categories is None else list(one.categories),
        }
    return of_value(
        {
            "columns": columns,
            "strict": contract.strict,
            "rows": [contract.fewest, contract.most],
        }
    )


def from_json(value: JSON) -> Contract:
    """Read a contract that ``dataclasses.asdict`` and JSON have carried."""
    whole = cast("dict[str, JSON]", value)
    columns = cast("Sequence[dict[str, JSON]]", whole["columns"])
    return Contract(
        path=str(whole["path"]),
        columns=tuple(
            Column(
                name=str(one["name"]),
                type=str(one["type"]),
                required=bool(one["required"]),
                nullable=bool(one["nullable"]),
                unique=bool(one["unique"]),
                min=cast("Bound | None", one["min"]),
                max=cast("Bound | None", one["max"]),
                categories=None
                if one["categories"] is None
                else tuple(cast("Sequence[Category]", one["categories"])),
                lines=cast("Mapping[str, int]", one["lines"]),
            )
            for one in columns
        ),
        strict=bool(whole["strict"]),
        fewest=cast("int | None", whole["fewest"]),
        most=cast("int | None", whole["most"]),
        lines=cast("Mapping[str, int]", whole["lines"]),
    )


def told(contract: Contract, breaches: Sequence[Breach]) -> str:
    """Return what is broken, one line for each promise, with its place in the contract."""
    lines = [f"the rows break the contract {contract.path}:"]
    for one in sorted(breaches, key=lambda breach: breach.line):
        shown = ", ".join(
            f"row {row:,} ({text})" if text else f"row {row:,}" for row, text in one.examples
        )
        lines.append(f"  {contract.path}:{one.line}: {one.what}" + (f": {shown}" if shown else ""))
    if any(one.examples for one in breaches):
        lines.append("  (rows are counted from 1)")
    return "\n".join(lines)


def shown(value: object) -> str:
    """Return a value of a row in a few characters."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
