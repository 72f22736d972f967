"""The reference profile of a release: what its evaluation rows looked like, in tens of kilobytes.

Of a numeric column it keeps how many rows lay at or below 101 of its own values. At these values
the empirical distribution is known exactly, so that a later two-sample test needs no approximation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.core.metrics import METRICS
from mlgitops.core.signatures import Field, Signature
from mlgitops.ml.columns import Numbers
from mlgitops.ml.influence import influence
from mlgitops.ml.labels import Floats, Scores
from mlgitops.ml.metrics import undefined

if TYPE_CHECKING:
    import pandas as pd

KNOTS = 101
MOST_COUNTS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumberSample:
    """The values of a numeric column that are not missing, float32 ascending, of ``rows``."""

    rows: int
    values: Numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StringSample:
    """The strings of a column that are not missing, in the order of its ``rows``."""

    rows: int
    values: tuple[str, ...]


Sample: TypeAlias = NumberSample | StringSample


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberProfile:
    """A numeric column: ``below[i]`` of the rows with a value have at most ``knots[i]``.

    ``knots``: float32, ascending, the smallest and the largest value among them; empty when all
    rows are missing.
    """

    rows: int
    missing: int
    mean: float
    sd: float
    knots: tuple[float, ...]
    below: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StringProfile:
    """A column of strings: how often each occurred, and all ``other`` ones together.

    With more than 200 different strings, 200 are listed: those that are frequent in every second
    row, counted in the rows between. Counted where they were chosen they would look more frequent
    than they are, and every later window would seem to have drifted.
    """

    rows: int
    missing: int
    counts: Mapping[str, int]
    other: int


ColumnProfile: TypeAlias = NumberProfile | StringProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A metric at release: its value, the spread of its influence values, and the rows."""

    value: float
    sd: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What ``profile`` wrote: columns by name, outputs by name, metrics by name."""

    rows: int
    inputs: Mapping[str, ColumnProfile]
    outputs: Mapping[str, ColumnProfile]
    performance: Mapping[str, Level]


def profile(
    frame: pd.DataFrame, signature: Signature, scores: Scores, target: Floats | None = None
) -> dict[str, JSON]:
    """Return the profile of evaluation rows as JSON; the same values give the same bytes.

    ``target``: what ``encode_target`` gives; with it every metric of the task that these rows
    define is recorded.
    """
    inputs: dict[str, JSON] = {
        field.name: _column_json(summary(sample_of(frame[field.name], field)))
        for field in signature.inputs
    }
    outputs: dict[str, JSON] = {
        name: _column_json(summary(one)) for name, one in samples_of(signature, scores).items()
    }
    return {
        "version": 1,
        "rows": len(scores),
        "inputs": inputs,
        "outputs": outputs,
        "performance": {} if target is None else _performance(signature, scores, target),
    }


def read(data: JSON) -> Profile:
    """Read what ``profile`` wrote; raise MlgitopsError when it is something else."""
    try:
        value = cast("Mapping[str, Any]", data)
        return Profile(
            rows=int(value["rows"]),
            inputs={name: _read_column(one) for name, one in value["inputs"].items()},
            outputs={name: _read_column(one) for name, one in value["outputs"].items()},
            performance={
                name: Level(value=float(one["value"]), sd=float(one["sd"]), rows=int(one["rows"]))
                for name, one in value["performance"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MlgitopsError(
            f"not a reference profile: {error!r}", hint="release the model again"
        ) from error


def sample_of(series: pd.Series[Any], field: Field) -> Sample:
    """Return one input column as a sample; missing values are counted, never refused."""
    known = series[series.notna()]
    if field.kind == "string":
        return StringSample(rows=len(series), values=tuple(str(v) for v in known.tolist()))
    try:
        values = np.asarray(known.to_numpy(dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise Refused(
            f"column {field.name!r} holds {known.dtype} where the model takes numbers: {error}",
            hint="give it what the model was trained on",
        ) from error
    return NumberSample(rows=len(series), values=_sorted(values))


def samples_of(signature: Signature, scores: Scores) -> dict[str, Sample]:
    """Return what a model answered as samples, by the name of the output."""
    rows, answer = len(scores), signature.answer
    if not answer.wide:
        return {answer.number: NumberSample(rows=rows, values=_sorted(scores.values))}
    if answer.labelled:
        labels = np.asarray(scores.labels()).tolist()
        values = tuple(signature.classes[code] for code in labels)
        return {"label": StringSample(rows=rows, values=values)}
    return {
        f"{answer.number}.{name}": NumberSample(rows=rows, values=_sorted(column))
        for name, column in zip(signature.classes, scores.values.T, strict=True)
    }


def _sorted(values: Floats) -> Numbers:
    """Return values as the model sees them, ascending; two samples compare at this precision."""
    with np.errstate(over="ignore"):
        return np.sort(values.astype(np.float32))


def _performance(signature: Signature, scores: Scores, target: Floats) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for name, metric in METRICS.items():
        fits = signature.task in metric.tasks and not metric.needed
        if fits and undefined(name, target, scores) is None:
            one = influence(name, target, scores)
            sd = float(one.psi.std(ddof=1)) if len(one.psi) > 1 else 0.0
            found[name] = {"value": _short(one.value), "sd": _short(sd), "rows": len(one.psi)}
    return found


def summary(sample: Sample) -> ColumnProfile:
    """Return what is kept of a sample."""
    if isinstance(sample, StringSample):
        return _string_summary(sample)
    values = sample.values
    if len(values) == 0:
        rows = sample.rows
        return NumberProfile(rows=rows, missing=rows, mean=0.0, sd=0.0, knots=(), below=())
    wide = values.astype(np.float64)
    grid = np.linspace(0, len(values) - 1, KNOTS).round().astype(np.int64)
    knots = np.unique(values[grid])
    return NumberProfile(
        rows=sample.rows,
        missing=sample.rows - len(values),
        mean=float(wide.mean()),
        sd=float(wide.std(ddof=1)) if len(wide) > 1 else 0.0,
        knots=tuple(float(knot) for knot in knots),
        below=tuple(int(count) for count in np.searchsorted(values, knots, side="right")),
    )


def _string_summary(sample: StringSample) -> StringProfile:
    chosen, counted = Counter(sample.values), Counter(sample.values)
    if len(counted) > MOST_COUNTS:
        chosen, counted = Counter(sample.values[::2]), Counter(sample.values[1::2])
    ranked = sorted(chosen.items(), key=lambda item: (-item[1], item[0]))
    counts = {text: counted[text] for text, _ in ranked[:MOST_COUNTS]}
    return StringProfile(
        rows=sample.rows,
        missing=sample.rows - len(sample.values),
        counts=counts,
        other=counted.total() - sum(counts.values()),
    )


def _column_json(one: ColumnProfile) -> JSON:
    match one:
        case NumberProfile():
            return {
                "kind": "number",
                "rows": one.rows,
                "missing": one.missing,
                "mean": _short(one.mean),
                "sd": _short(one.sd),
                # The shortest text that is this float32 again.
                "knots": [float(str(np.float32(knot))) for knot in one.knots],
                "below": list(one.below),
            }
        case StringProfile():
            return {
                "kind": "string",
                "rows": one.rows,
                "missing": one.missing,
                "counts": dict(one.counts),
                "other": one.other,
            }


def _read_column(one: Mapping[str, Any]) -> ColumnProfile:
    if one["kind"] == "string":
        return StringProfile(
            rows=int(one["rows"]),
            missing=int(one["missing"]),
            counts={str(name): int(count) for name, count in one["counts"].items()},
            other=int(one["other"]),
        )
    return NumberProfile(
        rows=int(one["rows"]),
        missing=int(one["missing"]),
        mean=float(one["mean"]),
        sd=float(one["sd"]),
        knots=tuple(float(np.float32(knot)) for knot in one["knots"]),
        below=tuple(int(count) for count in one["below"]),
    )


def _short(value: float) -> float:
    """Return nine significant digits: the last ones of a sum differ between processors."""
    return float(f"{value:.9g}") if math.isfinite(value) else 0.0
