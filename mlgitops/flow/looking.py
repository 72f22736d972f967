"""What an evaluation says beyond its metrics: whether chances are true, where it is weak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlgitops.core.digests import JSON
from mlgitops.core.terms import Terms
from mlgitops.flow.numbers import rounded

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.calibration import Calibration
    from mlgitops.ml.labels import Codes, Floats, Scores

_MOST_CLASSES: Final = 20


def calibrated(
    truth: Floats, scores: Scores, classes: tuple[str, ...], clusters: Codes | None
) -> dict[str, JSON]:
    """Return ``{class: {error, bins, slope, intercept, reason}}``, twenty classes at most.

    Two classes have one entry, the second; of several labels each has one.
    """
    from mlgitops.ml.calibration import calibration

    if scores.values.ndim == 1:
        return {classes[1]: _told(calibration(truth, scores.values, clusters))}
    found: dict[str, JSON] = {}
    for code, name in enumerate(classes[:_MOST_CLASSES]):
        true = truth[:, code] if truth.ndim == 2 else (truth == code).astype("float64")
        found[name] = _told(calibration(true, scores.values[:, code], clusters))
    return found


def _told(found: Calibration) -> dict[str, JSON]:
    line = found.line
    return {
        "error": rounded(found.error),
        "bins": [
            {
                "rows": one.rows,
                "predicted": rounded(one.predicted),
                "observed": rounded(one.observed),
                "low": rounded(one.observed_low),
                "high": rounded(one.observed_high),
            }
            for one in found.bins
        ],
        "slope": None if line is None else _around(line.slope),
        "intercept": None if line is None else _around(line.intercept),
        "reason": found.reason,
    }


def _around(found: tuple[float, float, float]) -> dict[str, JSON]:
    # Of a fit by steps: six decimals are the same on any machine.
    value, low, high = (round(one, 6) for one in found)
    return {"value": value, "low": low, "high": high}


def searched(
    frame: pd.DataFrame, truth: Floats, scores: Scores, terms: Terms, clusters: Codes | None
) -> dict[str, JSON]:
    """Return ``{metric, looked_at, slices: [{where, rows, value, rest, at_least}]}``, worst first.

    ``reason``: why nothing was looked for, or None.
    """
    from mlgitops.ml.searched import search

    own = scores.own.get(terms.leads)
    if own is not None and own.blocks is not None:
        reason = "its function gives one number for all rows"
        return {"metric": terms.leads, "looked_at": 0, "slices": [], "reason": reason}
    found = search(frame[list(terms.search)], terms.leads, truth, scores, clusters)
    return {
        "metric": terms.leads,
        "looked_at": found.looked_at,
        "slices": [
            {
                "where": dict(one.where),
                "rows": one.rows,
                "value": rounded(one.value),
                "rest": rounded(one.rest),
                "at_least": rounded(one.at_least),
            }
            for one in found.weak
        ],
        "reason": None,
    }
