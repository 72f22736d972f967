"""A look at a release in use, as a page that is understood in a minute."""

from __future__ import annotations

from typing import Final

from mlgitops.core.digests import short
from mlgitops.core.verdicts import figure
from mlgitops.core.watches import Measured, Reason, Shift, State, Watch, Window
from mlgitops.report.tables import Cell, Paint, Style, plain, table

_STYLES: Final[dict[State, Style]] = {
    "healthy": "good",
    "degraded": "warn",
    "unhealthy": "bad",
    "not enough data": "dim",
}
_STANDINGS: Final[dict[str, Style]] = {"healthy": "good", "degraded": "bad"}


def page(watch: Watch, paint: Paint = plain) -> str:
    """Return the verdict with its reasons first, then the figures that they come from."""
    verdict, evidence = watch.verdict, watch.evidence
    head = f"{watch.model} {watch.version} in {watch.environment}: "
    blocks = [
        "\n".join(
            [head + paint(verdict.state.upper(), _STYLES[verdict.state]), *_list(verdict.reasons)]
        ),
        _window(watch, evidence.window),
    ]
    if evidence.measured is not None:
        blocks.append(_performance((evidence.measured, *evidence.gated), paint))
    if evidence.shifts:
        blocks.append(_shifts(evidence.shifts, paint))
    # What drifted stands in the table already.
    others = tuple(one for one in verdict.remarks if one.topic not in ("inputs", "predictions"))
    if others:
        blocks.append("\n".join(["also", *_list(others)]))
    if verdict.state in ("degraded", "unhealthy"):
        blocks.append(f"next: mlgitops retrain {watch.model}")
    return "\n\n".join(blocks)


def _list(reasons: tuple[Reason, ...]) -> list[str]:
    return [f"  - {reason.text}" for reason in reasons]


def _window(watch: Watch, window: Window) -> str:
    asked = f"{window.rows:,} rows in {window.requests:,} requests"
    lines = [f"journal from {window.since} to {window.until}: {asked}"]
    if window.first is not None:
        lines.append(f"the first at {window.first}, the last at {window.last}")
    left_out = [
        (window.repeats, "asked again"),
        (window.others, f"answered by another release than {short(watch.digest)}"),
        (window.torn, "torn lines"),
    ]
    told = [f"{count:,} {what}" for count, what in left_out if count]
    labelled = watch.evidence.labelled
    if labelled is not None:
        young = (labelled.young, "too young for their true value")
        odd = (labelled.contradictory, "with contradictory true values")
        told += [f"{count:,} {what}" for count, what in (young, odd) if count]
    if told:
        lines.append(f"left out: {', '.join(told)}")
    return "\n".join(lines)


def _performance(measured: tuple[Measured, ...], paint: Paint) -> str:
    level = f"{measured[0].confidence:.0%} interval"
    header = ("performance", "at release", "now", level, "rows", "")
    rows: list[tuple[Cell, ...]] = [
        (
            one.metric,
            figure(one.then),
            figure(one.now),
            f"{figure(one.low)} to {figure(one.high)}",
            f"{one.rows:,}",
            (one.standing, _STANDINGS.get(one.standing, "plain")),
        )
        for one in measured
    ]
    return table(header, rows, paint)


def _shifts(shifts: tuple[Shift, ...], paint: Paint) -> str:
    """What drifted first, then by effect; names break ties."""
    ordered = sorted(shifts, key=lambda one: (not one.drifted, -one.effect, one.name))
    header = ("column", "", "effect", "q", "at release", "now")
    rows: list[tuple[Cell, ...]] = [
        (
            one.name,
            ("drifted", "warn") if one.drifted else ("same", "dim"),
            f"{one.effect:.3f} {one.method}",
            _chance(one.q),
            one.then,
            one.now,
        )
        for one in ordered
    ]
    return table(header, rows, paint)


def _chance(q: float) -> str:
    return "<0.001" if q < 0.001 else f"{q:.3f}"
