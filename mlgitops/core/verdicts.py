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
# Values that the reference did not have come by chance too: more than these are worth a line.
NOTABLE: Final = 0.01


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict; the first of these that holds:

    - performance is proven worse than the release's: degraded, or unhealthy when a metric is also
      proven beyond an absolute gate, or a loss has doubled
    - performance is proven not worse, on at least half of the rows: healthy
    - fewer rows than needed: not enough data
    - an input or the predictions drifted: degraded
    - healthy
    """
    measured, drift, rest = evidence.measured, _drift(evidence.shifts), _rest(evidence)
    standing = measured.standing if measured is not None else "not enough data"
    known = () if measured is None else (Reason(topic="performance", text=_performance(measured)),)
    if measured is not None and standing == "degraded":
        severe = _severe(measured, evidence)
        return Verdict(
            state="unhealthy" if severe else "degraded",
            reasons=(*known, *severe),
            remarks=(*drift, *rest),
        )
    enough = measured is not None and measured.rows >= ENOUGH_LABELLED * evidence.window.rows
    if standing == "healthy" and enough:
        return Verdict(state="healthy", reasons=known, remarks=(*drift, *rest))
    if evidence.window.rows < evidence.needed:
        few = Reason(
            topic="rows",
            text=f"{evidence.window.rows:,} rows, and {evidence.needed:,} are needed",
        )
        return Verdict(state="not enough data", reasons=(few,), remarks=(*known, *drift, *rest))
    if drift:
        return Verdict(state="degraded", reasons=drift, remarks=(*known, *rest))
    calm = Reason(topic="inputs", text="no input drifted, and neither did the predictions")
    return Verdict(state="healthy", reasons=(calm,), remarks=(*known, *rest))


def limits(gates: Iterable[Gate]) -> tuple[Limit, ...]:
    """Return what absolute gates ask of metrics."""
    found = []
    for gate in gates:
        if gate.metric is not None and gate.min is not None:
            found.append(Limit(metric=gate.metric, value=gate.min, gate="min"))
        if gate.metric is not None and gate.max is not None:
            found.append(Limit(metric=gate.metric, value=gate.max, gate="max"))
    return tuple(found)


def _drift(shifts: Sequence[Shift]) -> tuple[Reason, ...]:
    """The predictions first, since they are what is acted on; then the inputs by effect."""
    found = [shift for shift in shifts if shift.drifted]
    found.sort(key=lambda shift: (shift.topic != "predictions", -shift.effect, shift.name))
    return tuple(Reason(topic=shift.topic, text=_shift(shift)) for shift in found)


def _severe(measured: Measured, evidence: Evidence) -> tuple[Reason, ...]:
    """Why worse is bad; a bound of the interval has to be beyond, not the middle."""
    told = []
    for one in (measured, *evidence.gated):
        for limit in evidence.limits:
            if limit.metric == one.metric and _beyond(one, limit):
                words = f"{one.metric} {figure(one.now)} is beyond the gate ({limit.gate}"
                told.append(Reason(topic="performance", text=f"{words} {limit.value:g})"))
    if not measured.higher_is_better and 0 < SEVERE * measured.then < measured.low:
        words = f"{measured.metric} is more than {SEVERE:g} times what it was at the release"
        told.append(Reason(topic="performance", text=words))
    return tuple(told)


def _beyond(measured: Measured, limit: Limit) -> bool:
    return measured.low > limit.value if limit.gate == "max" else measured.high < limit.value


def _rest(evidence: Evidence) -> tuple[Reason, ...]:
    """What else a reader must know, whatever the verdict."""
    told = []
    labelled, rows = evidence.labelled, evidence.window.rows
    if labelled is not None and labelled.problem is not None:
        told.append(
            Reason(topic="performance", text=f"performance is not known: {labelled.problem}")
        )
    elif evidence.measured is None:
        told.append(Reason(topic="performance", text="performance is not known: no true values"))
    for one in evidence.quality:
        if one.outside and one.outside >= NOTABLE * rows:
            share = f"{one.outside:,} of {rows:,} rows"
            told.append(
                Reason(topic="values", text=f"{one.name} is outside {one.range} in {share}")
            )
    return tuple(told)


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
            return f"{words}: undecided"
        case "not enough data":
            needed = f", about {measured.needed:,} would tell" if measured.needed else ""
            return f"{words}: too few to judge{needed}"


def _shift(shift: Shift) -> str:
    what = "the predictions" if shift.topic == "predictions" else shift.name
    return f"{what} drifted: {shift.then} → {shift.now} ({shift.method} {shift.effect:.2f})"


def figure(value: float) -> str:
    """Return a number with four significant digits, for people."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
