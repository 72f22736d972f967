"""The pictures of a model card, drawn from the answers and true values that a release records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from mlgitops.core.cards import Sliced, Value, metrics_of, slices_of
from mlgitops.core.digests import JSON
from mlgitops.core.releases import Object
from mlgitops.flow.evidence.svg import BLUE, PALE, RED, SOFT, Chart

if TYPE_CHECKING:
    from mlgitops.ml.labels import Floats, Scores

FOLDER: Final = "card/"
_POINTS: Final = 200
_CLASSES: Final = 12
_SLICES: Final = 15


def plots(
    scores: Scores,
    truth: Floats,
    classes: tuple[str, ...],
    evidence: Mapping[str, Object],
    metric: str | None,
) -> dict[str, bytes]:
    """Return ``card/<name>.svg``: what fits the task, the slices by ``metric``, the latency."""
    found: dict[str, Chart | None] = {}
    numbers = evidence["evaluation.json"]
    if scores.task in ("binary-classification", "anomaly-detection"):
        found["roc"] = _roc(scores.values, truth)
        found["precision-recall"] = _precision(scores.values, truth)
    if scores.task in ("multiclass-classification", "clustering"):
        found["confusion"] = _confusion(scores, truth, classes)
    if "calibration" in numbers:
        found["calibration"] = _bins(cast("Mapping[str, Object]", numbers["calibration"]))
    if scores.task in ("regression", "forecasting"):
        found |= {"residuals": _residuals(scores.values, truth)}
    found["slices"] = _slices(numbers, metric)
    found["latency"] = _latency(cast("Mapping[str, Object]", evidence["measured.json"]["latency"]))
    return {f"{FOLDER}{name}.svg": one.text() for name, one in found.items() if one is not None}


def _ranked(p: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """Return (true, false) positives above each distinct score, from the highest on."""
    import numpy as np

    order = np.argsort(-p, kind="stable")
    hits, ranked = np.cumsum(truth[order]), p[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(p) - 1)
    return hits[last], last + 1 - hits[last]


def _thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    import numpy as np

    if len(points) <= _POINTS:
        return list(points)
    chosen = np.linspace(0, len(points) - 1, _POINTS).round().astype(int)
    return [points[n] for n in chosen.tolist()]


def _roc(p: Floats, truth: Floats) -> Chart | None:
    hits, misses = _ranked(p, truth)
    if not hits[-1] or not misses[-1]:
        return None
    chart = Chart(
        title="Receiver operating characteristic",
        x=(0, 1),
        y=(0, 1),
        x_name="false positive rate",
        y_name="true positive rate",
    )
    points = list(zip((misses / misses[-1]).tolist(), (hits / hits[-1]).tolist(), strict=True))
    chart.line([(0, 0), (1, 1)], SOFT, dashed=True)
    chart.line(_thin([(0.0, 0.0), *points]))
    return chart


def _precision(p: Floats, truth: Floats) -> Chart | None:
    hits, misses = _ranked(p, truth)
    if not hits[-1]:
        return None
    share = float(hits[-1] / (hits[-1] + misses[-1]))
    chart = Chart(
        title="Precision and recall", x=(0, 1), y=(0, 1), x_name="recall", y_name="precision"
    )
    chart.line([(0, share), (1, share)], SOFT, dashed=True)
    pairs = zip((hits / hits[-1]).tolist(), (hits / (hits + misses)).tolist(), strict=True)
    chart.line(_thin(list(pairs)))
    return chart


def _bins(calibrated: Mapping[str, Object]) -> Chart | None:
    """Observed shares in ten bins of equally many rows, with 95 % intervals (Wilson)."""
    if len(calibrated) != 1:
        return None
    chart = Chart(
        title="Calibration: ten bins of equally many rows",
        x=(0, 1),
        y=(0, 1),
        x_name="predicted probability",
        y_name="observed share",
    )
    chart.line([(0, 0), (1, 1)], SOFT, dashed=True)
    (found,) = calibrated.values()
    for one in cast("Sequence[Mapping[str, float]]", found["bins"]):
        chart.line([(one["predicted"], one["low"]), (one["predicted"], one["high"])])
        chart.dot(one["predicted"], one["observed"])
    return chart


def _confusion(scores: Scores, truth: Floats, classes: tuple[str, ...]) -> Chart | None:
    """Of each true class (or group) the shares that each class (or cluster) got."""
    import numpy as np

    given, true = np.asarray(scores.labels()), truth.astype(int)
    rows, size = int(true.max()) + 1, len(classes)
    if max(rows, size) > _CLASSES:
        return None
    counts = np.bincount(true * size + given, minlength=rows * size).reshape(rows, size)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    named = classes if scores.task == "multiclass-classification" else None
    chart = Chart(
        title="What the rows of each class were called" if named else "Where each group lies",
        x=(-0.5, size - 0.5),
        y=(-0.5, rows - 0.5),
        x_name="given " + ("class" if named else "cluster") + ", in the order of the signature",
        y_name="",
        height=100 + 30 * rows,
        left=120,
        y_ticks=False,
    )
    for row in range(rows):
        # The first one on top, as a table has it.
        y = float(rows - 1 - row)
        name = named[row] if named else f"group {row + 1}"
        chart.side(y, name if len(name) <= 16 else name[:15] + "…")
        for column in range(size):
            share, x = float(shares[row, column]), float(column)
            half = 0.48 * share**0.5
            corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half)]
            chart.area([*corners, (x - half, y + half)], BLUE if named and row == column else PALE)
            if share >= 0.005:
                chart.label(x, y, f"{share:.0%}")
    return chart


def _residuals(p: Floats, truth: Floats) -> Chart:
    """The middle and the band of 80 % of true minus predicted, along the prediction."""
    import numpy as np

    order = np.argsort(p, kind="stable")
    bins = [rows for rows in np.array_split(order, min(20, len(p))) if len(rows)]
    left = truth - p
    xs = [float(p[rows].mean()) for rows in bins]
    cuts = [np.quantile(left[rows], [0.1, 0.5, 0.9]).tolist() for rows in bins]
    reach = max(abs(value) for cut in cuts for value in cut) or 1.0
    chart = Chart(
        title="Residuals: median, and 80 % of rows",
        x=(xs[0], xs[-1]),
        y=(-reach, reach),
        x_name="prediction",
        y_name="true − predicted",
    )
    upper = [(x, cut[2]) for x, cut in zip(xs, cuts, strict=True)]
    lower = [(x, cut[0]) for x, cut in zip(xs, cuts, strict=True)]
    chart.area([*upper, *reversed(lower)])
    chart.line([(xs[0], 0), (xs[-1], 0)], SOFT, dashed=True)
    chart.line([(x, cut[1]) for x, cut in zip(xs, cuts, strict=True)])
    return chart


def _slices(numbers: Mapping[str, JSON], name: str | None) -> Chart | None:
    if name is None:
        return None
    whole = metrics_of(numbers)[name]
    listed = [one for one in slices_of(numbers, name) if one.figure.value is not None][:_SLICES]
    if not listed or whole.value is None:
        return None
    ends = [end for one in listed for end in _ends(one.figure)] + _ends(whole)
    room = 0.05 * (max(ends) - min(ends)) or 0.5
    chart = Chart(
        title=f"{name} by slice, weakest first",
        x=(min(ends) - room, max(ends) + room),
        y=(-0.5, len(listed) - 0.5),
        x_name=f"{name}; the dashed line is the whole",
        y_name="",
        height=100 + 22 * len(listed),
        left=160,
        y_ticks=False,
    )
    chart.line([(whole.value, -0.5), (whole.value, len(listed) - 0.5)], SOFT, dashed=True)
    for n, one in enumerate(reversed(listed)):
        _slice(chart, one, float(n))
    return chart


def _slice(chart: Chart, one: Sliced, y: float) -> None:
    colour = RED if one.apart else BLUE
    text = f"{one.column} = {one.value}"
    chart.side(y, text if len(text) <= 22 else text[:21] + "…")
    if one.figure.low is not None and one.figure.high is not None:
        chart.line([(one.figure.low, y), (one.figure.high, y)], colour)
    chart.dot(cast(float, one.figure.value), y, colour)


def _ends(figure: Value) -> list[float]:
    return [end for end in (figure.low, figure.value, figure.high) if end is not None]


def _latency(latency: Mapping[str, Object]) -> Chart:
    bars = [
        (f"{size} row{'' if size == '1' else 's'}, {share}", cast(float, timed[f"{share}_ms"]))
        for size, timed in sorted(latency.items(), key=lambda one: int(one[0]))
        for share in ("p50", "p90", "p99")
    ]
    most = max(value for _, value in bars) or 1.0
    chart = Chart(
        title="Milliseconds a call, one thread",
        x=(0, most * 1.2),
        y=(-0.5, len(bars) - 0.5),
        x_name="ms",
        y_name="",
        height=100 + 22 * len(bars),
        left=100,
        y_ticks=False,
    )
    for n, (text, value) in enumerate(reversed(bars)):
        chart.side(n, text)
        corners = [(0, n - 0.35), (value, n - 0.35), (value, n + 0.35), (0, n + 0.35)]
        chart.area([(float(x), float(y)) for x, y in corners], PALE if "p50" not in text else BLUE)
        chart.label(value + most * 0.02, n, f"{value:.3g}", anchor="start")
    return chart
