"""Does the gate keep its word? The paired comparison, judged by simulation where truth is known.

    .venv/bin/python -m benchmarks.gate [--replicates 4000] [--only rmse] [--rows 1000] [--json]

Each replicate draws new rows on which the candidate is worse than the live model by *exactly* the
margin (both models' true metric is known in closed form or by quadrature), and asks the project's
own ``ml.intervals``: a pass is a false pass. ``high`` is the 95 % upper bound of the false-pass
rate (Clopper and Pearson). "At look 1" is what a gate asks when a model is judged for the first
time (``core.looks``), "alone" one comparison at 0.95. Coverage is that of the nominal 95 % interval
of the live model's metric, and of the paired one. "width" is the paired interval's over that of two
separate samples, "equal" how often an equally good model passes at look 1. Up to 1,000 rows there
are 2.5 times as many replicates. Exits 1 when a bound at look 1, over several looks or over a
family is above 5.5 %, or a coverage below 94 % from 1,000 rows on.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pool
from typing import Any

import numpy as np

from mlgitops.core import looks
from mlgitops.ml.intervals import compare, interval, pair, surely_worse
from mlgitops.ml.labels import Floats, Scores

ROWS = (100, 300, 1_000, 5_000, 50_000)
CONFIDENCE = 0.95
LOOKS = 5
# Of each part's replicates: enough to know a width and a power.
WIDTHS, POWERS, PIECES = 25, 250, 8
Drawn = tuple[Floats, Scores, Scores]
Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Case:
    """A metric, its true values of the live model and the candidate, and how rows are drawn.

    ``draw(rng, n, worse)``: without ``worse`` the candidate is as good as the live model.
    """

    metric: str
    live: float
    candidate: float
    draw: Callable[[Rng, int, bool], Drawn]

    @property
    def margin(self) -> float:
        return abs(self.live - self.candidate)


def _binary(values: Floats) -> Scores:
    return Scores(task="binary-classification", values=values)


def _accuracy() -> Case:
    """Two models that are right together on 78 % of the rows, and disagree on 12 %."""

    def draw(rng: Rng, n: int, worse: bool) -> Drawn:
        lost, gained = (0.07, 0.05) if worse else (0.06, 0.06)
        which = rng.choice(4, n, p=[0.78, lost, gained, 0.22 - lost - gained])
        y = (rng.random(n) < 0.4).astype(float)
        right_live, right_now = np.isin(which, [0, 1]), np.isin(which, [0, 2])
        live = np.where(right_live, y, 1 - y) * 0.8 + 0.1
        now = np.where(right_now, y, 1 - y) * 0.8 + 0.1
        return y, _binary(live), _binary(now)

    return Case(metric="accuracy", live=0.85, candidate=0.83, draw=draw)


def _auc() -> Case:
    """Binormal scores, 30 % positives, correlated 0.7 within each class."""
    from scipy.special import ndtr, ndtri

    good, bad = 0.85, 0.83
    shift = {auc: math.sqrt(2) * float(ndtri(auc)) for auc in (good, bad)}

    def draw(rng: Rng, n: int, worse: bool) -> Drawn:
        y = (rng.random(n) < 0.3).astype(float)
        common = rng.standard_normal(n)
        noise = [
            math.sqrt(0.7) * common + math.sqrt(0.3) * rng.standard_normal(n) for _ in range(2)
        ]
        live = ndtr(noise[0] + shift[good] * y)
        now = ndtr(noise[1] + shift[bad if worse else good] * y)
        return y, _binary(live), _binary(now)

    return Case(metric="roc_auc", live=good, candidate=bad, draw=draw)


def _log_loss() -> Case:
    """Logits with noise of their own; the truth by Gauss-Hermite quadrature."""
    quiet, loud = 0.4, 0.75

    def truth(noise: float) -> float:
        x, w = np.polynomial.hermite_e.hermegauss(120)
        w = w / w.sum()
        z = -1.0 + 1.5 * x[:, None]
        logit = 0.9 * z + noise * x[None, :]
        p = 1 / (1 + np.exp(-z))
        loss = p * np.logaddexp(0, -logit) + (1 - p) * np.logaddexp(0, logit)
        return float((w[:, None] * w[None, :] * loss).sum())

    def draw(rng: Rng, n: int, worse: bool) -> Drawn:
        z = -1.0 + 1.5 * rng.standard_normal(n)
        y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
        shown = [
            1 / (1 + np.exp(-(0.9 * z + noise * rng.standard_normal(n))))
            for noise in (quiet, loud if worse else quiet)
        ]
        return y, _binary(shown[0]), _binary(shown[1])

    return Case(metric="log_loss", live=truth(quiet), candidate=truth(loud), draw=draw)


def _rmse(heavy: bool) -> Case:
    """Errors of spread 1 and 1.05, correlated 0.7; normal, or Laplace (of one random variance)."""

    def draw(rng: Rng, n: int, worse: bool) -> Drawn:
        common = rng.standard_normal(n)
        errors = [
            math.sqrt(0.7) * common + math.sqrt(0.3) * rng.standard_normal(n) for _ in range(2)
        ]
        scale = np.sqrt(rng.standard_exponential(n)) if heavy else 1.0
        y = rng.standard_normal(n) * 3
        live, now = y + scale * errors[0], y + scale * errors[1] * (1.05 if worse else 1.0)
        return (
            y,
            Scores(task="regression", values=live),
            Scores(task="regression", values=now),
        )

    return Case(metric="rmse", live=1.0, candidate=1.05, draw=draw)


CASES: dict[str, Callable[[], Case]] = {
    "accuracy": _accuracy,
    "roc_auc": _auc,
    "log_loss": _log_loss,
    "rmse": lambda: _rmse(False),
    "rmse heavy": lambda: _rmse(True),
}


def part(name: str, rows: int, replicates: int, seed: int) -> dict[str, float]:
    """Return counts and sums over some replicates."""
    case = CASES[name]()
    rng = np.random.default_rng([seed, rows, list(CASES).index(name)])
    sums = dict.fromkeys(
        ("passed", "first", "single", "both", "paired", "separate", "equal", "equals"), 0.0
    )
    sure = looks.confidence(CONFIDENCE, 1)
    for number in range(replicates):
        y, live, now = case.draw(rng, rows, True)
        found = pair(case.metric, y, live, now)
        sums["passed"] += found.judge(case.margin, CONFIDENCE).verdict == "pass"
        sums["first"] += found.judge(case.margin, sure).verdict == "pass"
        low, high = found.bounds((1 + CONFIDENCE) / 2)
        sums["both"] += low <= case.candidate - case.live <= high
        one = interval(case.metric, y, live, CONFIDENCE)
        sums["single"] += one.low <= case.live <= one.high
        if number < WIDTHS:
            other = interval(case.metric, y, now, CONFIDENCE)
            sums["separate"] += math.hypot(one.high - one.low, other.high - other.low)
            sums["paired"] += high - low
        if number < POWERS:
            equal = compare(case.metric, *case.draw(rng, rows, False), case.margin, sure)
            sums["equal"] += equal.verdict == "pass"
            sums["equals"] += 1
    return sums


def looked(name: str, rows: int, replicates: int, seed: int) -> dict[str, float]:
    """Return how often a bad model passes at one of several looks at growing data."""
    case = CASES[name]()
    rng = np.random.default_rng([seed, rows, 99])
    naive = spent = 0
    for _ in range(replicates):
        y, live, now = case.draw(rng, rows, True)
        passed = [False, False]
        for look in range(1, LOOKS + 1):
            n = rows * look // LOOKS
            found = pair(case.metric, y[:n], _cut(live, n), _cut(now, n))
            for which, sure in enumerate((CONFIDENCE, looks.confidence(CONFIDENCE, look))):
                passed[which] |= found.judge(case.margin, sure).verdict == "pass"
        naive += passed[0]
        spent += passed[1]
    return {"naive": naive, "spent": spent}


def _cut(scores: Scores, n: int) -> Scores:
    return Scores(task=scores.task, values=scores.values[:n])


def family(rows: int, replicates: int, seed: int) -> dict[str, float]:
    """Return how often slices err: one of five is bad and all pass; none of ten is, one fails.

    "Bad" is worse by exactly the margin, which is also what no slice may be called worse than.
    """
    case = CASES["accuracy"]()
    rng = np.random.default_rng([seed, rows, 7])
    sure = looks.confidence(CONFIDENCE, 1)
    sums = dict.fromkeys(("passed", "alone", "holm"), 0.0)
    for _ in range(replicates):
        slices = [pair(case.metric, *case.draw(rng, rows, place == 0)) for place in range(5)]
        sums["passed"] += all(one.judge(case.margin, sure).verdict == "pass" for one in slices)
        slices = [pair(case.metric, *case.draw(rng, rows, True)) for _ in range(10)]
        sums["alone"] += any(one.judge(case.margin, sure).verdict == "fail" for one in slices)
        sums["holm"] += bool(surely_worse(slices, case.margin, sure))
    return sums


def needed(name: str, replicates: int, seed: int) -> dict[str, float]:
    """Return the rows that equal models are asked for after 300, and how often they pass then.

    The rows are added to those that were there, and it is the second look.
    """
    case = CASES[name]()
    rng = np.random.default_rng([seed, 5])
    first, second = (looks.confidence(CONFIDENCE, look) for look in (1, 2))
    sums = dict.fromkeys(("rows", "asked", "passed"), 0.0)
    for _ in range(replicates):
        y, live, now = case.draw(rng, 300, False)
        told = pair(case.metric, y, live, now).judge(case.margin, first, second).n_needed
        if told is None:
            continue
        more = case.draw(rng, told - 300, False)
        whole = (
            np.concatenate([y, more[0]]),
            Scores(task=live.task, values=np.concatenate([live.values, more[1].values])),
            Scores(task=now.task, values=np.concatenate([now.values, more[2].values])),
        )
        sums["asked"] += 1
        sums["rows"] += told
        sums["passed"] += compare(case.metric, *whole, case.margin, second).verdict == "pass"
    return sums


def upper(events: float, n: int) -> float:
    """Return the 95 % upper bound of a rate (Clopper and Pearson)."""
    from scipy.special import betaincinv

    return 1.0 if events >= n else float(betaincinv(events + 1, n - events, 0.95))


def _job(words: tuple[Any, ...]) -> dict[str, float]:
    function, *rest = words
    found: dict[str, float] = function(*rest)
    return found


def main() -> None:
    """Simulate, print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=4000)
    parser.add_argument("--only", choices=CASES, action="append")
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    started = time.perf_counter()
    with Pool(args.processes) as pool:
        found = simulate(pool, args.only or list(CASES), args.rows or ROWS, args.replicates)
    found["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(found, indent=1) if args.json else text(found))
    sys.exit(0 if kept(found) else 1)


def simulate(pool: Any, names: list[str], sizes: Any, replicates: int) -> dict[str, Any]:
    """Return all figures; the work is cut into parts, so that every process has some."""
    few = math.ceil(replicates / PIECES)
    cells = [(name, rows) for rows in sorted(sizes, reverse=True) for name in names]
    jobs: list[tuple[Any, ...]] = []
    for name, rows in cells:
        each = few * 5 // 2 if rows <= 1_000 else few
        jobs += [(part, name, rows, each, seed) for seed in range(PIECES)]
    jobs += [(looked, name, 5_000, few, seed) for name in names for seed in range(PIECES)]
    jobs += [(needed, name, few, seed) for name in names for seed in range(PIECES)]
    jobs += [(family, 5_000, few, seed) for seed in range(PIECES)]
    sums = pool.map(_job, jobs, chunksize=1)
    added = [
        {key: sum(one[key] for one in sums[at : at + PIECES]) for key in sums[at]}
        for at in range(0, len(sums), PIECES)
    ]
    table = [
        _cell(name, rows, one, jobs[at * PIECES][3] * PIECES)
        for at, ((name, rows), one) in enumerate(zip(cells, added, strict=False))
    ]
    total = few * PIECES
    rest = added[len(cells) :]
    return {
        "cells": sorted(table, key=lambda one: (names.index(one["metric"]), one["rows"])),
        "looks": [
            {"metric": name, **_rate("naive", one, total), **_rate("spent", one, total)}
            for name, one in zip(names, rest, strict=False)
        ],
        "needed": [
            {
                "metric": name,
                "asked": one["asked"],
                "rows": one["rows"] / max(one["asked"], 1),
                "power": one["passed"] / max(one["asked"], 1),
            }
            for name, one in zip(names, rest[len(names) :], strict=False)
        ],
        "family": {
            key: value
            for which in ("passed", "alone", "holm")
            for key, value in _rate(which, rest[-1], total).items()
        },
    }


def _rate(name: str, counts: dict[str, float], total: int) -> dict[str, float]:
    return {name: counts[name] / total, f"{name}_high": upper(counts[name], total)}


def _cell(name: str, rows: int, counts: dict[str, float], total: int) -> dict[str, Any]:
    return {
        "metric": name,
        "rows": rows,
        "replicates": total,
        **_rate("first", counts, total),
        **_rate("passed", counts, total),
        "coverage": counts["single"] / total,
        "paired_coverage": counts["both"] / total,
        "paired_width": counts["paired"] / counts["separate"],
        "equal_passes": counts["equal"] / counts["equals"],
    }


def kept(found: dict[str, Any]) -> bool:
    """Return whether what docs/statistics.md says holds."""
    cells = found["cells"]
    wide = [one for one in cells if one["rows"] >= 1_000]
    return (
        all(one["first_high"] <= 0.055 for one in cells)
        and all(min(one["coverage"], one["paired_coverage"]) >= 0.94 for one in wide)
        and all(one["paired_width"] < 1 for one in cells)
        and all(one["spent_high"] <= 0.055 for one in found["looks"])
        and all(one["power"] >= 0.8 for one in found["needed"])
        and max(found["family"]["passed_high"], found["family"]["holm_high"]) <= 0.055
    )


def text(found: dict[str, Any]) -> str:
    """Return the tables, as Markdown."""
    lines = [
        "| metric | rows | replicates | false pass at look 1 | high | alone | high | 95 % covers "
        "| paired covers | width | equal passes |",
        "|---|" + "---:|" * 10,
    ]
    lines += [
        f"| {one['metric']} | {one['rows']:,} | {one['replicates']:,} | {one['first']:.2%} "
        f"| {one['first_high']:.2%} | {one['passed']:.2%} | {one['passed_high']:.2%} "
        f"| {one['coverage']:.2%} | {one['paired_coverage']:.2%} | {one['paired_width']:.2f} "
        f"| {one['equal_passes']:.1%} |"
        for one in found["cells"]
    ]
    lines += [
        "",
        f"| false pass in {LOOKS} looks at up to 5,000 rows | each at 95 % | error spent | high |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {one['metric']} | {one['naive']:.2%} | {one['spent']:.2%} | {one['spent_high']:.2%} |"
        for one in found["looks"]
    ]
    lines += ["", "| inconclusive at 300 rows | asked for, mean | then pass |", "|---|---:|---:|"]
    lines += [
        f"| {one['metric']} | {one['rows']:,.0f} | {one['power']:.1%} |" for one in found["needed"]
    ]
    many = found["family"]
    lines += [
        "",
        "| slices of 5,000 rows (accuracy) | rate | high |",
        "|---|---:|---:|",
        f"| five, one of them bad, all pass | {many['passed']:.2%} | {many['passed_high']:.2%} |",
        f"| ten, none worse, one is called so by itself | {many['alone']:.2%} | |",
        f"| the same, by Holm's rule | {many['holm']:.2%} | {many['holm_high']:.2%} |",
        "",
        f"{found['cells'][-1]['replicates']:,} replicates or more, {found['seconds']:.0f} s",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
