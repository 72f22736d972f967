"""What differs between two runs, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlgitops.core.differences import Data, Difference, MetricPair
from mlgitops.core.digests import JSON, short
from mlgitops.core.experiments import Made, Run
from mlgitops.core.filters import text
from mlgitops.core.markdown import inert
from mlgitops.report.experiments import measure_text
from mlgitops.report.tables import Paint, clean, plain, table

_Section = tuple[str, Sequence[str], list[list[str]]]


def page(found: Difference, paint: Paint = plain, *, everything: bool = False) -> str:
    """Return the difference as text; ``everything``: metrics that are equal too."""
    parts = [_heads(found)]
    for title, head, rows in _sections(found, everything):
        shown = [[clean(one).replace("\n", " ") for one in row] for row in rows]
        parts.append(f"{paint(title, 'bold')}\n{table(head, shown, paint)}")
    parts += _rest(found, everything)
    return "\n\n".join(parts)


def markdown(found: Difference, *, everything: bool = False) -> str:
    """Return the difference in Markdown."""
    parts = ["\n".join(f"- {line}" for line in _heads(found).splitlines())]
    for title, head, rows in _sections(found, everything):
        lines = [
            f"### {title.capitalize()}",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
        ]
        lines += [f"| {' | '.join(inert(one) for one in row)} |" for row in rows]
        parts.append("\n".join(lines))
    parts += _rest(found, everything)
    return "\n\n".join(parts)


def _heads(found: Difference) -> str:
    return f"old: {_head(found.old)}\nnew: {_head(found.new)}"


def _head(run: Run) -> str:
    changed = " with changed files" if run.dirty else ""
    return clean(
        f"{run.id[:10]} {run.status}, {run.at[:16].replace('T', ' ')} by {run.who}, commit"
        f" {(run.commit or 'none')[:10]}{changed}, branch {run.branch or 'none'}"
    )


def _sections(found: Difference, everything: bool) -> Iterator[_Section]:
    if found.params:
        rows = [[one.name, _value(one.old), _value(one.new)] for one in found.params]
        yield "parameters", ("name", "old", "new"), rows
    moved = [one for one in found.metrics if everything or one.old != one.new]
    if moved:
        yield "metrics", ("name", "old", "new", "delta", "intervals"), [_metric(m) for m in moved]
    if found.code:
        files = [
            [f"{one.pipeline}/{one.file}", _moved(one.old, one.new), ", ".join(one.steps)]
            for one in found.code
        ]
        yield "code", ("file", "", "reached by"), files
    if found.data:
        yield "data", ("name", "old", "new"), [_data(one) for one in found.data]
    if found.environment:
        rows = [[one.name, _value(one.old), _value(one.new)] for one in found.environment]
        yield "environment", ("name", "old", "new"), rows
    if found.durations:
        seconds = [[one.name, _seconds(one.old), _seconds(one.new)] for one in found.durations]
        total = ["whole run", _seconds(found.old.seconds), _seconds(found.new.seconds)]
        yield "seconds", ("step", "old", "new"), [*seconds, total]


def _rest(found: Difference, everything: bool) -> list[str]:
    lines = []
    same = sum(one.old == one.new for one in found.metrics)
    if same and not everything:
        lines.append(f"{same} metrics are the same" if same > 1 else "1 metric is the same")
    if not (found.params or found.code or found.data or found.environment):
        lines.append("parameters, code, data and environment are the same")
    if found.unknown:
        lines.append(f"not known any more, and not compared: {clean(', '.join(found.unknown))}")
    return lines


def _metric(one: MetricPair) -> list[str]:
    together = {True: "overlap", False: "apart", None: ""}[one.overlap]
    delta = "" if one.delta is None else f"{one.delta:+.6g}"
    return [one.name, measure_text(one.old), measure_text(one.new), delta, together]


def _data(one: Data) -> list[str]:
    return [one.name, _made(one.old), _made(one.new)]


def _made(made: Made | None) -> str:
    if made is None:
        return ""
    if made.format == "path":
        return short(made.digest)
    size = f"{made.size:,} bytes" if made.rows is None else f"{made.rows:,} rows"
    return f"{short(made.digest)} ({made.format}, {size})"


def _moved(old: str | None, new: str | None) -> str:
    return "reached now" if old is None else "no longer reached" if new is None else "changed"


def _seconds(seconds: float | None) -> str:
    return "reused" if seconds is None else f"{seconds:.1f}"


def _value(value: JSON) -> str:
    return "" if value is None else text(value)
