"""Model cards: what a reviewer wants to know of a release, put together from its other evidence.

The sections are those of Hugging Face's and the Model Card Toolkit's templates. Nothing of a
version, a commit or a time is in a card, so that equal models have equal cards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from mlgitops.core import proofs, signatures
from mlgitops.core.digests import JSON
from mlgitops.core.metrics import find
from mlgitops.core.releases import Lineage, Object
from mlgitops.core.signatures import Signature
from mlgitops.core.specs.gates import Gate
from mlgitops.core.specs.models import CardSpec, Model

State = Literal["good", "note", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A metric with its interval, where there is one; ``value`` is None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced:
    """One metric of the rows where ``column`` has one value; ``apart``: chance does not explain
    how far it is behind the whole."""

    column: str
    value: str
    rows: int
    metric: str
    figure: Value
    apart: bool


def value_of(one: JSON) -> Value:
    """Read a metric as ``evaluation.json`` has it: a number, or {value, low, high}."""
    if isinstance(one, dict):
        return Value(
            value=cast("float | None", one.get("value")),
            low=cast("float | None", one.get("low")),
            high=cast("float | None", one.get("high")),
        )
    return Value(value=cast("float | None", one))


def metrics_of(numbers: Mapping[str, JSON]) -> dict[str, Value]:
    """Return the metrics of all rows by name."""
    listed = cast("Mapping[str, JSON]", numbers["metrics"])
    return {name: value_of(one) for name, one in listed.items()}


def headline(model: Model, numbers: Mapping[str, JSON]) -> str | None:
    """Return the metric that the spec names first."""
    metrics = metrics_of(numbers)
    named = [str(one) for one in model.evaluation.metrics if str(one) in metrics]
    return next(iter([*named, *metrics]), None)


def slices_of(numbers: Mapping[str, JSON], metric: str) -> tuple[Sliced, ...]:
    """Return the slices by one metric, the worst first; undefined ones last."""
    whole = metrics_of(numbers)[metric]
    found = []
    columns = cast("Mapping[str, Mapping[str, Object]]", numbers.get("slices", {}))
    for column, values in columns.items():
        for value, one in values.items():
            measured = cast("Mapping[str, JSON]", one.get("metrics", {}))
            figure = value_of(measured.get(metric))
            found.append(
                Sliced(
                    column=column,
                    value=value,
                    rows=cast(int, one.get("rows", 0)),
                    metric=metric,
                    figure=figure,
                    apart=_behind(figure, whole, higher=higher_is_better(numbers, metric)),
                )
            )
    sign = 1.0 if higher_is_better(numbers, metric) else -1.0
    return tuple(
        sorted(
            found,
            key=lambda one: (
                one.figure.value is None,
                sign * (one.figure.value or 0.0),
                one.column,
                one.value,
            ),
        )
    )


def higher_is_better(numbers: Mapping[str, JSON], metric: str) -> bool:
    """Return which way a metric of ``numbers`` is better; an unknown one is taken for a cost."""
    known = find(metric)
    custom = cast("Mapping[str, JSON]", numbers.get("custom", {}))
    return (custom.get(metric) if known is None else known.direction) == "higher"


def _behind(figure: Value, whole: Value, *, higher: bool) -> bool:
    if whole.value is None or figure.low is None or figure.high is None:
        return False
    return figure.high < whole.value if higher else figure.low > whole.value


def verdict(
    model: Model,
    numbers: Mapping[str, JSON],
    parity: Mapping[str, JSON],
    robustness: Mapping[str, JSON],
) -> Iterator[tuple[State, str, str]]:
    """Yield (state, what was asked, answer): what a reviewer reads first."""
    metrics = metrics_of(numbers)
    for gate in model.gates:
        fixed = gate.min is not None or gate.max is not None
        if fixed and gate.metric is not None and gate.metric in metrics:
            yield _gated(gate, metrics[gate.metric])
    spotless = parity["ok"] is True and not parity["rows_over"] and not parity["label_mismatches"]
    yield (
        "good" if spotless else "note",
        "ONNX answers what the estimator answers",
        proofs.told(parity),
    )
    first = headline(model, numbers)
    if first is not None:
        yield from _slices(numbers, first, metrics)
    yield from _searched(numbers)
    yield from _calibrated(numbers)
    yield _odd(cast("Mapping[str, JSON]", robustness["summary"]))


def _gated(gate: Gate, figure: Value) -> tuple[State, str, str]:
    limit = cast(float, gate.min if gate.min is not None else gate.max)
    least = gate.min is not None
    value = cast(float, figure.value)
    ok = value >= limit if least else value <= limit
    end = figure.low if least else figure.high
    sure = end is None or (end >= limit if least else end <= limit)
    state: State = "bad" if not ok else "good" if sure else "note"
    beyond = "" if sure or not ok else "; the interval reaches beyond the limit"
    asked = f"{gate.metric} at {'least' if least else 'most'} {limit:g}"
    return state, asked, f"{shown(figure)}{beyond}"


def _slices(
    numbers: Mapping[str, JSON], name: str, metrics: Mapping[str, Value]
) -> Iterator[tuple[State, str, str]]:
    found = [one for one in slices_of(numbers, name) if one.figure.value is not None]
    if not found:
        return
    behind = [one for one in found if one.apart]
    worst = found[0]
    told = f"weakest: {worst.column} = {worst.value}, {name} {shown(worst.figure)}"
    told += f" on {worst.rows:,} rows; the whole {shown(metrics[name])}"
    judged = any(one.figure.low is not None for one in found)
    if judged:
        told = f"{len(behind)} of {len(found)} behind the whole by more than chance; {told}"
    # Without intervals nothing was judged, and that is no pass.
    yield "good" if judged and not behind else "note", "slices", told


def _searched(numbers: Mapping[str, JSON]) -> Iterator[tuple[State, str, str]]:
    found = cast("Mapping[str, JSON] | None", numbers.get("searched"))
    if found is None or found["reason"] is not None:
        return
    weak = cast("Sequence[Mapping[str, JSON]]", found["slices"])
    told = f"{len(weak)} of {found['looked_at']:,} are worse than all others, beyond chance"
    if weak:
        told += f"; weakest: {place(weak[0])}, {found['metric']} {weak[0]['value']:.4g}"
        told += f" on {weak[0]['rows']:,} rows, elsewhere {weak[0]['rest']:.4g}"
    yield "note" if weak else "good", "slices that were searched for", told


def place(weak: Mapping[str, JSON]) -> str:
    """Return the place of a slice that was found: ``origin = JFK, hour = 18 to 23``."""
    where = cast("Mapping[str, JSON]", weak["where"])
    return ", ".join(f"{name} = {value}" for name, value in where.items())


def _calibrated(numbers: Mapping[str, JSON]) -> Iterator[tuple[State, str, str]]:
    found = cast("Mapping[str, Mapping[str, JSON]]", numbers.get("calibration", {}))
    lines = {name: value_of(one["slope"]) for name, one in found.items() if one["slope"]}
    off = {name: how for name, one in lines.items() if (how := leaning(one)) is not None}
    if not lines:
        return
    first = next(iter(off or lines))
    told = f"slope {shown(lines[first])}"
    if len(lines) > 1:
        told = f"{len(off)} of {len(lines)} classes lean; {first}: {told}"
    yield "note" if off else "good", "calibration", f"{told}: {off[first]}" if off else told


def leaning(slope: Value) -> str | None:
    """Return which way probabilities lean, by the slope of their calibration; None: neither."""
    if slope.high is not None and slope.high < 1:
        return "too sure of itself, probabilities are too far from the middle"
    if slope.low is not None and slope.low > 1:
        return "not sure enough, probabilities are too near to the middle"
    return None


def _odd(summary: Mapping[str, JSON]) -> tuple[State, str, str]:
    lost = cast(int, summary["not_finite"]) + cast(int, summary["fails"])
    told = f"{summary['cases']} kinds of it, {summary['refused']} refused at the door, "
    told += f"{lost} without an answer" if lost else "every other one answered with a number"
    worst = cast("Mapping[str, JSON] | None", summary.get("worst"))
    if worst:
        share = cast(float, worst["changed"])
        told += f"; {worst['column']} {worst['case']} changes {share:.0%} of the answers"
    return "note" if lost else "good", "odd input", told


def shown(figure: Value) -> str:
    """Return a metric with its interval, as people read it."""
    if figure.value is None:
        return "undefined"
    text = f"{figure.value:.4g}"
    if figure.low is not None and figure.high is not None:
        text += f" [{figure.low:.4g}, {figure.high:.4g}]"
    return text


def card(
    model: Model,
    signature: Signature,
    lineage: Lineage,
    evidence: Mapping[str, Mapping[str, JSON]],
    parity: Mapping[str, JSON],
    plots: Sequence[str],
) -> Object:
    """Return ``card.json``. ``evidence``: the other JSON files of the release by name."""
    numbers = evidence["evaluation.json"]
    robustness = evidence["robustness.json"]
    checks: list[JSON] = [
        {"state": state, "asked": asked, "answer": answer}
        for state, asked, answer in verdict(model, numbers, parity, robustness)
    ]
    steps: Object = {
        name: {"key": step.key, "code": step.code, "lock": step.lock, "params": step.params}
        for name, step in lineage.steps.items()
    }
    return {
        "apiVersion": "mlgitops/v1",
        "kind": "ModelCard",
        "verdict": checks,
        "model_details": {
            "name": model.name,
            "description": model.description,
            "owners": list(model.owners),
            "task": model.task,
            "format": "onnx",
            "pipeline": model.pipeline,
            "artifact": model.artifact,
        },
        "considerations": _words(model.card),
        "signature": signatures.to_json(signature),
        "evaluation_data": {
            "output": model.evaluation.data,
            "rows": numbers["rows"],
            "target": ", ".join(model.evaluation.truth),
            "id": model.evaluation.id,
        },
        "training_data": {
            "pipeline": lineage.pipeline,
            "snapshots": dict(lineage.snapshots),
            "tables": list(lineage.training),
        },
        "quantitative_analysis": {
            "metrics": numbers["metrics"],
            "slices": numbers.get("slices", {}),
            "custom": numbers.get("custom", {}),
            "searched": numbers.get("searched"),
            "calibration": numbers.get("calibration", {}),
            "headline": headline(model, numbers),
            "parity": dict(parity),
            "proof": dict(evidence["parity.json"]),
        },
        "robustness": dict(robustness),
        "measured": dict(evidence["measured.json"]),
        "lineage": {"steps": steps},
        "plots": list(plots),
    }


def _words(said: CardSpec) -> Object:
    """Return what the authors say themselves."""
    return {
        "intended_use": said.intended_use,
        "out_of_scope": said.out_of_scope,
        "limitations": list(said.limitations),
        "ethical": list(said.ethical),
        "license": said.license,
        "contacts": list(said.contacts),
    }
