"""The matrix of models and environments, as text."""

from __future__ import annotations

from typing import assert_never

from mlgitops.core import statuses
from mlgitops.core.digests import short
from mlgitops.core.statuses import Matrix, Open
from mlgitops.report.tables import Cell, Paint, plain, table


def page(matrix: Matrix, paint: Paint = plain) -> str:
    """Return the matrix, and below it one line for everything that is not simply in place."""
    at = f" at {short(matrix.commit)}" if matrix.commit else ""
    lines = [f"{matrix.place}{at}", ""]
    if not matrix.rows:
        lines += ["there is no model yet: see `mlgitops init --help`"]
    else:
        header = ("model", "released", *matrix.environments)
        rows = [
            (
                row.model,
                str(row.released.version) if row.released else "–",
                *(_cell(row.environments[name]) for name in matrix.environments),
            )
            for row in matrix.rows
        ]
        lines += [table(header, rows, paint)]
    told = [
        f"{name} · {row.model}: {cell.because}"
        for row in matrix.rows
        for name, cell in row.environments.items()
        if cell.because != statuses.NEWEST
    ]
    if told:
        lines += ["", *told]
    lines += [paint(f"note: {note}", "warn") for note in matrix.notes]
    return "\n".join(lines)


def _cell(cell: statuses.Cell) -> Cell:
    version = str(cell.pinned.version) if cell.pinned else "–"
    match cell.state:
        case "none":
            return version, "dim"
        case "pinned":
            return version, "good" if cell.because == statuses.NEWEST else "plain"
        case "mismatch":
            return f"{version} mismatch", "bad"
        case "held":
            return f"{version} held", "warn"
        case "promoting":
            return _moving(version, cell.open), "warn"
        case "rolling-back":
            return _moving(version, cell.open), "bad"
        case _:
            assert_never(cell.state)


def _moving(version: str, following: Open | None) -> str:
    if following is None:
        return version
    to = str(following.to.version) if following.to else "?"
    return f"{version} → {to} (#{following.number})"
