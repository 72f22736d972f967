"""What the metrics are made of: means of rows, roots and ratios of means, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from mlgitops.ml.labels import Codes, Floats, Scores

Scale = Literal["mean", "root", "share", "bounded", "signed", "explained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """A metric's value and its influence values ``psi``, float64 of shape (n,).

    ``scale`` says on which scale it is closest to normal: a mean of losses, the root of one, a
    share of ``events``, anything else between 0 and 1 or (signed) between -1 and 1, or one minus a
    ratio. ``events``: the number of rows that carry the information (rows, or rows of the rarer
    class). ``clusters``: the rows that this metric itself takes together, such as those of one
    query.
    """

    value: float
    psi: Floats
    scale: Scale
    events: int
    clusters: Codes | None = None


# From true values, scores and the number behind a metric's name (NaN: there is none).
Function: TypeAlias = Callable[[Floats, Scores, float], Influence]


def mean(rows: Floats, scale: Scale = "mean") -> Influence:
    """Return the mean of a loss, or of a share, of each row."""
    value = float(rows.mean())
    return Influence(value=value, psi=rows - value, scale=scale, events=len(rows))


def root(squares: Floats) -> Influence:
    """Return the root of the mean of the squares."""
    value = float(np.sqrt(squares.mean()))
    psi = (squares - value**2) / (2 * value) if value > 0 else np.zeros_like(squares)
    return Influence(value=value, psi=psi, scale="root", events=len(squares))


def ratio(top: Floats, bottom: Floats) -> tuple[float, Floats]:
    """Return mean(top) / mean(bottom) and how each row moves it; 0 when nothing is below."""
    below = float(bottom.mean())
    if below == 0:
        return 0.0, np.zeros_like(top)
    value = float(top.mean()) / below
    return value, (top - value * bottom) / below


def average(parts: list[Influence]) -> Influence:
    """Return the mean of several metrics of the same rows, as one between 0 and 1."""
    return Influence(
        value=float(np.mean([one.value for one in parts])),
        psi=np.mean([one.psi for one in parts], axis=0),
        scale="bounded",
        events=min(one.events for one in parts),
    )
