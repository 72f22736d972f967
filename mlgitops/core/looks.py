"""How sure a comparison has to be when the same model was compared before.

Who looks again and again at the same model, each time on newer rows, and lets it pass at the first
chance, lets a bad one pass more often than each look alone would. So the error that a gate allows
is spent over the looks: most of it on the first one, the rest on all others together. Bonferroni's
inequality needs nothing else, neither independent looks nor a number that is known beforehand
(Lan and DeMets, 1983, for the idea of spending).
"""

from __future__ import annotations

from typing import Final

FIRST: Final = 0.8
"""The share of the error that the first look may spend: its interval is 1.06 times as wide."""


def share(look: int, planned: int | None = None) -> float:
    """Return which share of the allowed error the ``look``-th one may spend, from 1 on.

    Without a plan 0.8, then 0.1, 0.033, 0.017 …, together 1; of ``planned`` looks each has as much,
    and those after them have nothing.
    """
    if planned is not None:
        return 1 / planned if look <= planned else 0.0
    return FIRST if look == 1 else (1 - FIRST) / ((look - 1) * look)


def confidence(asked: float, look: int, planned: int | None = None) -> float:
    """Return the confidence of the ``look``-th comparison, so that all keep what was ``asked``.

    1 when nothing is left to spend: no number of rows is as sure as that.
    """
    return 1 - (1 - asked) * share(look, planned)
