"""Verdicts: what a window of served rows says of a release. The same evidence, the same verdict.

What is measured counts before what is feared: proven performance decides, drift only where
performance is not known. An improvement never alarms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mlgitops.core.specs.models import Gate
from mlgitops.core.watches import Evidence, Limit, Measured, Reason, Shift, Verdict

# Rows that the measured ones must stand for before what they say of performance excuses drift.
ENOUGH_LABELLED: Final = 0.5
# A loss that has doubled needs somebody now, also where no environment set a limit.
SEVERE: Final = 2.0


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict; the first of these that holds:

    - performance is proven worse than the release's: degraded, or unhealthy when it is proven
      beyond a limit of the environment, or a loss has doubled
    - fewer rows than needed: not enough data
    - performance is proven not worse, on at least half of the rows: healthy
    - an input or the predictions drifted: degraded
    - performance was measured and nothing is proven: not enough data
    - healthy
    """
    measured, drift = evidence.measured, _drift(evidence.shifts)
    standing = measured.standing if measured is not None else "not enough data"
    if measured is not None and standing == "degraded":
        severe = _severe(measured, evidence.limits)
        told = (Reason(topic="performance", text=_performance(measured)), *severe)
        return Verdict(
            state="unhealthy" if severe else "degraded",
            reasons=told,
            remarks=(*drift, *_rest(evidence)),
        )
    if evidence.window.rows < evidence.needed:
        return Verdict(
            state="not enough data", reasons=(_few(evidence),), remarks=(*drift, *_rest(evidence))
        )
    if measured is not None and standing == "healthy":
        proven = Reason(topic="performance", text=_performance(measured))
        if measured.rows >= ENOUGH_LABELLED * evidence.window.rows or not drift:
            return Verdict(state="healthy", reasons=(proven,), remarks=(*drift, *_rest(evidence)))
        return Verdict(state="degraded", reasons=drift, remarks=(proven, *_rest(evidence)))
    if drift:
        return Verdict(state="degraded", reasons=drift, remarks=_rest(evidence))
    if measured is not None and standing == "unclear":
        unclear = Reason(topic="performance", text=_performance(measured))
        return Verdict(state="not enough data", reasons=(unclear,), remarks=_rest(evidence))
    calm = Reason(topic="inputs", text="no input drifted, and neither did the predictions")
    return Verdict(state="healthy", reasons=(calm,), remarks=_rest(evidence))


def limits(gates: Iterable[Gate], metric: str) -> tuple[Limit, ...]:
    """Return what absolute gates ask of ``metric``."""
    found = []
    for gate in gates:
        if gate.metric == metric and gate.min is not None:
            found.append(Limit(metric=metric, value=gate.min, gate="min"))
        if gate.metric == metric and gate.max is not None:
            found.append(Limit(metric=metric, value=gate.max, gate="max"))
    return tuple(found)


def _drift(shifts: Sequence[Shift]) -> tuple[Reason, ...]:
    """The predictions first, since they are what is acted on; then the inputs by effect."""
    found = [shift for shift in shifts if shift.drifted]
    found.sort(key=lambda shift: (shift.topic != "predictions", -shift.effect, shift.name))
    return tuple(Reason(topic=shift.topic, text=_shift(shift)) for shift in found)


def _severe(measured: Measured, limits_: Iterable[Limit]) -> tuple[Reason, ...]:
    told = []
    for limit in limits_:
        beyond = measured.low > limit.value if limit.gate == "max" else measured.high < limit.value
        if beyond:
            words = f"{limit.metric} is beyond the gate ({limit.gate} {limit.value:g})"
            told.append(Reason(topic="performance", text=words))
    if not measured.higher_is_better and 0 < SEVERE * measured.then < measured.low:
        words = f"{measured.metric} is more than {SEVERE:g} times what it was at the release"
        told.append(Reason(topic="performance", text=words))
    return tuple(told)


def _rest(evidence: Evidence) -> tuple[Reason, ...]:
    """What else a reader must know, whatever the verdict."""
    told = []
    measured, labelled = evidence.measured, evidence.labelled
    if measured is not None and measured.standing == "not enough data":
        told.append(Reason(topic="performance", text=_performance(measured)))
    if labelled is not None and labelled.problem is not None:
        told.append(Reason(topic="performance", text=f"no true values: {labelled.problem}"))
    elif measured is None:
        told.append(Reason(topic="performance", text="performance is not known: no true values"))
    for one in evidence.quality:
        rows = evidence.window.rows
        if one.missing:
            share = f"{one.missing:,} of {rows:,} rows"
            told.append(Reason(topic="inputs", text=f"{one.name} is missing in {share}"))
        if one.outside:
            share = f"{one.outside:,} of {rows:,} rows"
            told.append(
                Reason(topic="inputs", text=f"{one.name} is outside {one.range} in {share}")
            )
    return tuple(told)


def _few(evidence: Evidence) -> Reason:
    rows, needed = evidence.window.rows, evidence.needed
    return Reason(topic="rows", text=f"{rows:,} rows, and {needed:,} are needed")


def _performance(measured: Measured) -> str:
    interval = (
        f"{measured.confidence:.0%} interval {figure(measured.low)} to {figure(measured.high)}"
    )
    change = f"{measured.metric} {figure(measured.then)} → {figure(measured.now)}"
    words = f"{change} ({interval}; {measured.rows:,} rows with their true value)"
    match measured.standing:
        case "degraded":
            return f"{words}: worse than the release, and not by chance"
        case "healthy":
            return f"{words}: no worse than the release"
        case "unclear":
            return f"{words}: undecided{_needed(measured)}"
        case "not enough data":
            return f"{words}: too few to judge{_needed(measured)}"


def _needed(measured: Measured) -> str:
    return f", about {measured.needed:,} rows would tell" if measured.needed else ""


def _shift(shift: Shift) -> str:
    what = "the predictions" if shift.topic == "predictions" else shift.name
    return f"{what} drifted: {shift.then} → {shift.now} ({shift.method} {shift.effect:.2f})"


def figure(value: float) -> str:
    """Return a number with four significant digits, for people."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
