"""Did the rows change since the release? Two-sample tests with controlled false alarms.

A column drifted when its change is both beyond chance and large enough to matter. Beyond chance:
the two-sample test's p-value, adjusted by Benjamini and Hochberg over everything that was looked
at, is at most ``alpha``; on rows without drift the chance of any alarm is then at most ``alpha``.
The reference counts as the sample that it is, not as the truth (a one-sample test flags half of
all columns). Large enough: the effect, the share of rows that would have to move for the two to
look alike, is at least ``min_effect``; without it, half a million rows flag what no model notices.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.core.signatures import Signature
from mlgitops.ml.labels import Scores
from mlgitops.ml.profiles import (
    ColumnProfile,
    NumberProfile,
    NumberSample,
    Sample,
    StringProfile,
    StringSample,
    read,
    sample_of,
    samples_of,
)

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["ks", "chi2", "missing"]
Part = Literal["input", "output"]

ALPHA = 0.01
# A third of what a shift by 0.3 standard deviations does (0.12).
MIN_EFFECT = 0.05
# The effect that must not be missed: +0.3 standard deviations in one column.
DETECTABLE = 0.12
# Pearson's rule of thumb, below which chi-square's tail is not to be trusted.
_EXPECTED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One test of one column. ``reference`` and ``current`` say in words what it was and is.

    ``method``: ``ks`` Kolmogorov-Smirnov for numbers, ``chi2`` for strings, ``missing`` Fisher's
    exact test of the share of missing values. ``effect``: 0 to 1. ``q``: ``p`` adjusted for all
    tests. ``unseen``: strings that the reference does not have, most frequent first, at most ten.
    """

    name: str
    part: Part
    method: Method
    statistic: float
    p: float
    q: float
    effect: float
    drifted: bool
    reference: str
    current: str
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """All tests, and the rows that are needed to find a shift by 0.3 sd four times out of five."""

    columns: tuple[ColumnDrift, ...]
    rows: int
    needed: int

    @property
    def drifted(self) -> bool:
        """Whether any column drifted."""
        return any(one.drifted for one in self.columns)

    @property
    def not_enough(self) -> int | None:
        """The rows that are needed, when there are fewer; None when there are enough."""
        return self.needed if self.rows < self.needed else None


def drift(
    profile: JSON,
    signature: Signature,
    frame: pd.DataFrame,
    scores: Scores | None = None,
    *,
    alpha: float = ALPHA,
    min_effect: float = MIN_EFFECT,
) -> Drift:
    """Return how the rows of ``frame``, and what the model answered, differ from the reference.

    ``profile``: what ``profiles.profile`` wrote at release. ``frame``: the window's rows with the
    model's inputs, missing values allowed everywhere. Raises Refused when an input is not there.
    """
    known = read(profile)
    tests: list[ColumnDrift] = []
    for field in signature.inputs:
        if field.name not in frame.columns:
            near = difflib.get_close_matches(field.name, [str(name) for name in frame.columns], 1)
            raise Refused(
                f"the rows lack {field.name!r}, which the model takes",
                hint=f"did you mean {near[0]!r}?" if near else "give all inputs of the model",
            )
        sample = sample_of(frame[field.name], field)
        tests += _tests(field.name, "input", known.inputs, sample)
    if scores is not None:
        for name, sample in samples_of(signature, scores).items():
            tests += _tests(name, "output", known.outputs, sample)
    return Drift(
        columns=_decide(tests, alpha, min_effect),
        rows=len(frame),
        needed=_needed(known.rows, alpha / max(len(tests), 1)),
    )


def _decide(
    tests: Sequence[ColumnDrift], alpha: float, min_effect: float
) -> tuple[ColumnDrift, ...]:
    from scipy.stats import false_discovery_control

    if not tests:
        return ()
    adjusted = false_discovery_control([one.p for one in tests], method="bh")
    return tuple(
        replace(one, q=float(q), drifted=bool(q <= alpha and one.effect >= min_effect))
        for one, q in zip(tests, adjusted, strict=True)
    )


def _needed(reference: int, alpha: float) -> int:
    """Return the rows that find ``DETECTABLE`` with 80 % power at ``alpha`` for this test.

    The Kolmogorov statistic of a shifted column has a standard deviation of at most half of
    1 / sqrt(rows). A small reference cannot be made up for: ten times its rows are enough, because
    more would tell nothing.
    """
    from scipy.stats import kstwobign

    effective = ((float(kstwobign.isf(alpha)) + 0.84 * 0.5) / DETECTABLE) ** 2
    if reference <= effective:
        return 10 * max(reference, 1)
    return min(math.ceil(effective * reference / (reference - effective)), 10 * reference)


def _tests(
    name: str, part: Part, reference: Mapping[str, ColumnProfile], sample: Sample
) -> list[ColumnDrift]:
    """Return the tests of one column, ``q`` not yet adjusted."""
    if name not in reference:
        raise MlgitopsError(
            f"the reference profile has no column {name!r}", hint="release the model again"
        )
    known = reference[name]
    tests = []
    if isinstance(known, NumberProfile) and isinstance(sample, NumberSample):
        tests.append(_numbers(name, part, known, sample))
    elif isinstance(known, StringProfile) and isinstance(sample, StringSample):
        tests.append(_strings(name, part, known, sample))
    else:
        raise MlgitopsError(
            f"{name!r} is of another kind in the reference profile", hint="release the model again"
        )
    present = len(sample.values)
    if known.missing or present < sample.rows:
        tests.append(_missing(name, part, known, sample.rows, sample.rows - present))
    return tests


def _numbers(name: str, part: Part, known: NumberProfile, sample: NumberSample) -> ColumnDrift:
    """Kolmogorov-Smirnov at the knots, where both distributions are exact.

    The maximum over some points is never above the maximum over all, so this never alarms more
    often than the test of the complete samples.
    """
    from scipy.stats import kstwobign

    then, now = known.rows - known.missing, len(sample.values)
    statistic, p = 0.0, 1.0
    if then and now:
        knots = np.array(known.knots, dtype=np.float32)
        before = np.array(known.below, dtype=np.float64) / then
        after = np.searchsorted(sample.values, knots, side="right") / now
        statistic = float(np.abs(before - after).max())
        root = math.sqrt(then * now / (then + now))
        # Stephens (1970): the asymptotic distribution, good from eight rows on.
        p = float(kstwobign.sf(statistic * (root + 0.12 + 0.11 / root)))
    wide = sample.values.astype(np.float64)
    mean, sd = (float(wide.mean()), float(wide.std())) if now else (math.nan, math.nan)
    return ColumnDrift(
        name=name,
        part=part,
        method="ks",
        statistic=statistic,
        p=p,
        q=p,
        effect=statistic,
        drifted=False,
        reference=f"mean {known.mean:.4g}, sd {known.sd:.4g}" if then else "no values",
        current=f"mean {mean:.4g}, sd {sd:.4g}" if now else "no values",
    )


def _strings(name: str, part: Part, known: StringProfile, sample: StringSample) -> ColumnDrift:
    """Chi-square of two samples; the effect is their total variation distance."""
    then, now = dict(known.counts), dict.fromkeys(known.counts, 0)
    unseen = {}
    rest = 0
    for text, count in Counter(sample.values).items():
        if text in now:
            now[text] = count
        elif known.other:
            # The reference kept its most frequent strings only: who knows whether this is new.
            rest += count
        else:
            unseen[text] = count
            then[text], now[text] = 0, count
    pairs = [(then[text], now[text]) for text in now] + [(known.other, rest)]
    table = np.array(pairs, dtype=np.float64)
    statistic, p, effect = _chi2(table)
    shares = table / np.maximum(table.sum(axis=0), 1)
    moved = np.argsort(-np.abs(shares[:, 0] - shares[:, 1]), kind="stable")[:3]
    words = [*now, "(other)"]
    ranked = sorted(unseen.items(), key=lambda item: (-item[1], item[0]))
    return ColumnDrift(
        name=name,
        part=part,
        method="chi2",
        statistic=statistic,
        p=p,
        q=p,
        effect=effect,
        drifted=False,
        reference=", ".join(f"{words[at]} {shares[at, 0]:.1%}" for at in moved),
        current=", ".join(f"{words[at]} {shares[at, 1]:.1%}" for at in moved),
        unseen=tuple(text for text, _ in ranked[:10]),
    )


def _chi2(table: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Return statistic, p and total variation of counts, one row a value, two columns."""
    from scipy.stats import chi2_contingency

    sizes = table.sum(axis=0)
    if not sizes.all():
        return 0.0, 1.0, 0.0
    shares = table / sizes
    effect = float(np.abs(shares[:, 0] - shares[:, 1]).sum() / 2)
    expected = table.sum(axis=1) * sizes.min() / sizes.sum()
    common = table[expected >= _EXPECTED]
    rare = table[expected < _EXPECTED].sum(axis=0)
    if rare.sum() * sizes.min() / sizes.sum() >= _EXPECTED:
        common = np.vstack([common, rare])
    elif len(common) and rare.any():
        common[np.argmin(common.sum(axis=1))] += rare
    if len(common) < 2:
        return 0.0, 1.0, effect
    found = chi2_contingency(common, correction=False)
    return float(found.statistic), float(found.pvalue), effect


def _missing(name: str, part: Part, known: ColumnProfile, rows: int, missing: int) -> ColumnDrift:
    from scipy.stats import fisher_exact

    then = known.missing / max(known.rows, 1)
    now = missing / max(rows, 1)
    table = [[known.missing, known.rows - known.missing], [missing, rows - missing]]
    p = float(fisher_exact(table).pvalue) if rows and known.rows else 1.0
    return ColumnDrift(
        name=name,
        part=part,
        method="missing",
        statistic=now - then,
        p=p,
        q=p,
        effect=abs(now - then) if rows else 0.0,
        drifted=False,
        reference=f"missing in {then:.1%}",
        current=f"missing in {now:.1%}",
    )
