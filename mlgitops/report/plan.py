"""What would run, or ran, and why: as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from mlgitops.core import matrices
from mlgitops.core.digests import JSON
from mlgitops.core.plans import Decision, Execute, Plan, Reuse, Skip, to_json
from mlgitops.core.records import Record
from mlgitops.report.tables import Cell, Paint, plain, table


def page(plan: Plan, paint: Paint = plain) -> str:
    """Return one line a step, notes below, and what it comes to."""
    if not plan:
        return "there is no pipeline yet: see `mlgitops init --help`"
    rows = [_row(decision) for decision in plan]
    lines = [table(("step", "action", "because"), rows, paint), ""]
    lines += [
        paint(f"note: {_name(decision)} {note}", "warn")
        for decision in plan
        for note in decision.notes
    ]
    return "\n".join([*lines, summary(plan)])


def summary(plan: Sequence[Decision]) -> str:
    """Return what the plan comes to, in one line."""
    runs = sum(isinstance(one, Execute) and one.key is not None for one in plan)
    unknown = [one for one in plan if isinstance(one, Execute) and one.key is None]
    waiting = sum(any(text.startswith("waits for") for text in one.because) for one in unknown)
    runs += len(unknown) - waiting
    skipped = sum(isinstance(one, Skip) for one in plan)
    reused = len(plan) - runs - waiting - skipped
    left = f", {skipped} skipped" if skipped else ""
    if not runs and not waiting:
        return f"nothing to do: {_steps(reused)} {'is' if reused == 1 else 'are'} up to date{left}"
    parts = [f"{_steps(runs)} would run"]
    if waiting:
        parts.append(f"{waiting} will be decided by what that gives")
    parts.append(f"{reused} up to date")
    return ", ".join(parts) + left


def plan_json(plan: Sequence[Decision]) -> JSON:
    """Return ``{"steps": […], "matrix": {"include": […]}}`` (see ``core.matrices``)."""
    return {
        "steps": [to_json(decision) for decision in plan],
        "matrix": matrices.to_json(matrices.groups(plan)),
    }


def run_json(steps: Sequence[tuple[Decision, Record | None, float]]) -> dict[str, JSON]:
    """Return ``{"steps": […]}`` of a run: decisions with what came out and what it cost."""
    shown: list[JSON] = []
    for decision, record, seconds in steps:
        one = to_json(decision)
        shown.append(one)
        if record is None:
            continue
        one["key"] = record.key
        one["seconds"] = round(seconds, 3)
        one["outputs"] = {
            name: {
                "digest": output.digest,
                "format": output.format,
                "size": output.size,
                "rows": output.rows,
            }
            for name, output in record.outputs.items()
        }
        one["wall"], one["cpu"] = record.wall, record.cpu
        one["peak_memory"] = record.peak_memory
    return {"steps": shown}


def _row(decision: Decision) -> Sequence[Cell]:
    match decision:
        case Reuse():
            return _name(decision), ("reuse", "dim"), ("nothing changed", "dim")
        case Execute(because=because):
            return _name(decision), ("execute", "warn"), "; ".join(because)
        case Skip(because=reason):
            return _name(decision), ("skip", "dim"), (reason, "dim")
        case _:
            assert_never(decision)


def _name(decision: Decision) -> str:
    return f"{decision.pipeline}.{decision.step}"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
