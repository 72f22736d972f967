"""Runs as a table, a page, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from mlgitops.core import measures
from mlgitops.core.digests import JSON, short
from mlgitops.core.experiments import Action, Run, RunStep, Status
from mlgitops.core.filters import FIELDS, Value, named, text
from mlgitops.core.markdown import inert
from mlgitops.core.measures import Measure
from mlgitops.report.tables import Cell, Paint, Style, clean, plain, table

_USUAL: Final = ("id", "at", "status", "pipeline", "commit", "branch", "who", "ran", "seconds")
_MOST_METRICS: Final = 4
_MOST_PARAMS: Final = 3
_STYLES: Final[dict[Status, Style]] = {"done": "good", "failed": "bad", "interrupted": "warn"}
_ACTIONS: Final[dict[Action, Style]] = {
    "execute": "good",
    "reuse": "dim",
    "skip": "dim",
    "fail": "bad",
}

Chosen = Sequence[tuple[Run, Mapping[str, Value]]]


def columns_of(chosen: Chosen, asked: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the columns: those that are asked for, else fields, metrics and what differs."""
    if asked:
        return ("id", *(name for name in asked if name != "id"))
    metrics: dict[str, None] = {}
    params: dict[str, list[Value]] = {}
    for run, known in chosen:
        for step in run.steps:
            metrics.update({f"{step.name}.{name}": None for name in step.metrics})
        for pipeline, given in run.params.items():
            for name in given:
                full = f"{pipeline}.params.{name}"
                params.setdefault(full, []).append(known[full])
    moved = [name for name, seen in params.items() if any(one != seen[0] for one in seen)]
    return (*_USUAL, *moved[:_MOST_PARAMS], *list(metrics)[:_MOST_METRICS])


def page(chosen: Chosen, columns: Sequence[str], paint: Paint = plain) -> str:
    """Return a table of runs."""
    if not chosen:
        return "no run is recorded that fits"
    heads = _short_names(columns)
    rows: list[list[Cell]] = [
        [_styled(run, name, _shown(run, known, name)) for name in columns] for run, known in chosen
    ]
    return table(heads, rows, paint)


def markdown(chosen: Chosen, columns: Sequence[str]) -> str:
    """Return the table in Markdown."""
    heads = _short_names(columns)
    lines = [f"| {' | '.join(map(inert, heads))} |", f"|{'---|' * len(heads)}"]
    for run, known in chosen:
        lines.append(f"| {' | '.join(inert(_shown(run, known, name)) for name in columns)} |")
    return "\n".join(lines)


def runs_json(chosen: Chosen, damaged: Sequence[str]) -> JSON:
    """Return ``{"runs": […], "damaged": […]}``."""
    return {"runs": [summary_json(run) for run, _ in chosen], "damaged": list(damaged)}


def summary_json(run: Run) -> dict[str, JSON]:
    """Return a run without what its steps were made of."""
    return {
        "id": run.id,
        "at": run.at,
        "status": run.status,
        "seconds": run.seconds,
        "commit": run.commit,
        "dirty": list(run.dirty),
        "branch": run.branch,
        "who": run.who,
        "ci": run.ci,
        "platform": run.platform,
        "version": run.version,
        "asked": dict(run.asked),
        "pipelines": list(run.pipelines),
        "params": {name: dict(params) for name, params in run.params.items()},
        "metrics": {
            f"{step.name}.{name}": measures.to_json(one)
            for step in run.steps
            for name, one in step.metrics.items()
        },
        "steps": {
            "executed": run.count("execute"),
            "reused": run.count("reuse"),
            "skipped": run.count("skip"),
            "failed": run.count("fail"),
        },
    }


def run_json(run: Run, steps: Sequence[RunStep]) -> JSON:
    """Return one run with everything that is known of its steps."""
    return {**summary_json(run), "steps": [_step_json(step) for step in steps]}


def _step_json(step: RunStep) -> JSON:
    return {
        "pipeline": step.pipeline,
        "step": step.step,
        "action": step.action,
        "because": list(step.because),
        "key": step.key,
        "params": dict(step.params),
        "metrics": {name: measures.to_json(one) for name, one in step.metrics.items()},
        "inputs": dict(step.inputs),
        "outputs": {
            name: {
                "digest": made.digest,
                "format": made.format,
                "size": made.size,
                "rows": made.rows,
            }
            for name, made in step.outputs.items()
        },
        "code": dict(step.code),
        "python": step.python,
        "lock": dict(step.lock),
        "seconds": step.seconds,
        "cpu": step.cpu,
        "memory": step.memory,
        "attempts": step.attempts,
        "undeclared": list(step.undeclared),
        "network": list(step.network),
        "log": step.log,
        "failure": step.failure,
    }


def run_page(run: Run, steps: Sequence[RunStep], paint: Paint = plain) -> str:
    """Return one run with its steps, parameters, metrics and plots."""
    commit = "no commit yet" if run.commit is None else run.commit[:12]
    changed = f" with {len(run.dirty)} changed files" if run.dirty else ""
    lines = [
        f"{paint(f'run {run.id}', 'bold')}  {paint(run.status, _STYLES[run.status])}",
        f"{_moment(run.at)} by {run.who or 'nobody'}, in {run.seconds:.1f} s, on {run.platform}",
        f"commit {commit}{changed}, branch {run.branch or 'none'}",
        *([f"job {run.ci}"] if run.ci else []),
        "",
        table(("step", "action", "seconds", "memory", "because"), _step_rows(steps), paint),
    ]
    params = [
        (f"{pipeline}.{name}", text(value))
        for pipeline, given in run.params.items()
        for name, value in given.items()
    ]
    lines += _section(("parameter", "value"), params, paint)
    numbers = [
        (f"{step.name}.{name}", measure_text(one))
        for step in steps
        for name, one in step.metrics.items()
    ]
    lines += _section(("metric", "value"), numbers, paint)
    plots = [
        (f"{step.name}.{name}", short(made.digest))
        for step in steps
        for name, made in step.outputs.items()
        if made.format == "figure"
    ]
    lines += _section(("plot", "digest"), plots, paint)
    notes = [f"{step.name}: {step.failure}" for step in steps if step.failure]
    notes += [f"{step.name}: undeclared {line}" for step in steps for line in step.undeclared]
    notes += [f"{step.name}: network {line}" for step in steps for line in step.network]
    return "\n".join([*lines, *([""] if notes else []), *map(clean, notes)])


def _step_rows(steps: Sequence[RunStep]) -> list[list[Cell]]:
    return [
        [
            clean(step.name),
            (step.action, _ACTIONS[step.action]),
            f"{step.seconds:.1f}" if step.action == "execute" else "",
            f"{step.memory / 1e6:,.0f} MB" if step.memory and step.action == "execute" else "",
            clean("; ".join(step.because)),
        ]
        for step in steps
    ]


def _section(head: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint) -> list[str]:
    return ["", table(head, [[clean(one) for one in row] for row in rows], paint)] if rows else []


def measure_text(measure: Measure | None) -> str:
    """Return ``0.82`` or ``0.82 [0.79, 0.85]``."""
    if measure is None:
        return ""
    if measure.low is None or measure.high is None:
        return f"{measure.value:.6g}"
    return f"{measure.value:.6g} [{measure.low:.6g}, {measure.high:.6g}]"


def _shown(run: Run, known: Mapping[str, Value], name: str) -> str:
    match name:
        case "id":
            return run.id[:10]
        case "at":
            return _moment(run.at)
        case "commit":
            return (run.commit or "")[:10] + ("*" if run.dirty else "")
        case "ran":
            return f"{run.count('execute')}/{len(run.steps)}"
        case "seconds":
            return f"{run.seconds:.1f}"
        case _:
            pass
    value = named(known, name)
    if isinstance(value, Measure):
        return measure_text(value)
    return "" if value is None else clean(text(value)).replace("\n", " ")


def _styled(run: Run, name: str, shown: str) -> Cell:
    return (shown, _STYLES[run.status]) if name == "status" else shown


def _moment(at: str) -> str:
    return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M:%S")


def _short_names(columns: Sequence[str]) -> list[str]:
    """Return the names without the pipeline where all are of one."""
    full = [name for name in columns if name not in FIELDS and name.count(".") > 1]
    heads = {name.partition(".")[0] for name in full}
    if len(heads) != 1:
        return list(columns)
    return [name.partition(".")[2] if name in full else name for name in columns]
