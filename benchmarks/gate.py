"""Does the gate keep its word? The paired comparison, judged by simulation where truth is known.

    .venv/bin/python -m benchmarks.gate [--replicates 4000] [--only rmse] [--rows 1000] [--json]

Each replicate draws new rows on which the candidate is worse than the live model by *exactly* the
margin (both models' true metric is known in closed form or by quadrature), and asks the project's
own ``ml.intervals``: a pass is a false pass. ``high`` is the 95 % upper bound of the false-pass
rate (Clopper and Pearson); "at look 1" is what a gate asks when a model is judged for the first
time (``core.looks``). Coverage is that of the nominal 95 % interval of the live model's metric, and
of the paired 90 % interval. ``paired`` is the paired interval's width over that of two separate
samples, ``equal`` how often an equally good model passes. Exits 1 when the bound at look 1 is above
5.5 %, or a coverage below 94 %, from 1,000 rows on.
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
from mlgitops.ml.intervals import compare, interval
from mlgitops.ml.labels import Floats, Scores

ROWS = (100, 300, 1_000, 5_000, 50_000)
CONFIDENCE = 0.95
LOOKS = 5
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
        ("passed", "first", "equal", "single", "both", "paired", "separate", "needed"), 0.0
    )
    sure = looks.confidence(CONFIDENCE, 1)
    for _ in range(replicates):
        y, live, now = case.draw(rng, rows, True)
        found = compare(case.metric, y, live, now, case.margin, CONFIDENCE)
        sums["passed"] += found.verdict == "pass"
        first = compare(case.metric, y, live, now, case.margin, sure)
        sums["first"] += first.verdict == "pass"
        sums["both"] += found.low <= case.candidate - case.live <= found.high
        one = interval(case.metric, y, live, CONFIDENCE)
        sums["single"] += one.low <= case.live <= one.high
        alone = [interval(case.metric, y, scores, 0.90) for scores in (live, now)]
        sums["separate"] += math.hypot(*(one.high - one.low for one in alone))
        sums["paired"] += found.high - found.low
        y, live, now = case.draw(rng, rows, False)
        equal = compare(case.metric, y, live, now, case.margin, sure)
        sums["equal"] += equal.verdict == "pass"
        sums["needed"] += equal.verdict != "pass" and equal.n_needed is not None
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
            part_ = (y[:n], _cut(live, n), _cut(now, n))
            for which, sure in enumerate((CONFIDENCE, looks.confidence(CONFIDENCE, look))):
                found = compare(case.metric, *part_, case.margin, sure)
                passed[which] |= found.verdict == "pass"
        naive += passed[0]
        spent += passed[1]
    return {"naive": naive, "spent": spent}


def _cut(scores: Scores, n: int) -> Scores:
    return Scores(task=scores.task, values=scores.values[:n])


def family(rows: int, replicates: int, seed: int) -> dict[str, float]:
    """Return how often a model passes of whose five slices one is worse by exactly the margin."""
    case = CASES["accuracy"]()
    rng = np.random.default_rng([seed, rows, 7])
    passed = 0
    for _ in range(replicates):
        draws = [case.draw(rng, rows, slice_ == 0) for slice_ in range(5)]
        found = [compare(case.metric, *drawn, case.margin, CONFIDENCE) for drawn in draws]
        passed += all(one.verdict == "pass" for one in found)
    return {"passed": passed}


def needed(name: str, replicates: int, seed: int) -> dict[str, float]:
    """Return the rows that an inconclusive comparison of equal models asks for, and if they do."""
    case = CASES[name]()
    rng = np.random.default_rng([seed, 5])
    sure = looks.confidence(CONFIDENCE, 1)
    told: list[int] = []
    while len(told) < 200:
        y, live, now = case.draw(rng, 300, False)
        found = compare(case.metric, y, live, now, case.margin, sure)
        if found.n_needed is not None:
            told.append(found.n_needed)
    rows = int(np.median(told))
    passed = 0
    for _ in range(replicates):
        y, live, now = case.draw(rng, rows, False)
        passed += compare(case.metric, y, live, now, case.margin, sure).verdict == "pass"
    return {"rows": rows, "passed": passed}


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
    pieces = 8
    each = math.ceil(replicates / pieces)
    total = each * pieces
    cells = [(name, rows) for rows in sorted(sizes, reverse=True) for name in names]
    jobs = [(part, name, rows, each, seed) for name, rows in cells for seed in range(pieces)]
    sums = pool.map(_job, jobs, chunksize=1)
    table = []
    for place, (name, rows) in enumerate(cells):
        mine = sums[place * pieces : (place + 1) * pieces]
        added = {key: sum(one[key] for one in mine) for key in mine[0]}
        table.append(
            {
                "metric": name,
                "rows": rows,
                "replicates": total,
                "false_pass": added["passed"] / total,
                "high": upper(added["passed"], total),
                "first_look": added["first"] / total,
                "first_high": upper(added["first"], total),
                "coverage": added["single"] / total,
                "paired_coverage": added["both"] / total,
                "paired_width": added["paired"] / added["separate"],
                "equal_passes": added["equal"] / total,
            }
        )
    seeds = range(pieces)
    looks_ = []
    for name in names:
        parts = pool.map(_job, [(looked, name, 5_000, each, seed) for seed in seeds], chunksize=1)
        naive, spent = (sum(one[key] for one in parts) for key in ("naive", "spent"))
        looks_.append(
            {
                "metric": name,
                "naive": naive / total,
                "spent": spent / total,
                "spent_high": upper(spent, total),
            }
        )
    asked = pool.map(_job, [(needed, name, min(total, 2000), 1) for name in names], chunksize=1)
    many = pool.map(_job, [(family, 5_000, each, seed) for seed in seeds], chunksize=1)
    passed = sum(one["passed"] for one in many)
    return {
        "cells": sorted(table, key=lambda one: (names.index(one["metric"]), one["rows"])),
        "looks": looks_,
        "needed": [
            {"metric": name, "rows": one["rows"], "power": one["passed"] / min(total, 2000)}
            for name, one in zip(names, asked, strict=True)
        ],
        "family": {"false_pass": passed / total, "high": upper(passed, total)},
    }


def kept(found: dict[str, Any]) -> bool:
    """Return whether what docs/statistics.md says holds."""
    cells = found["cells"]
    return (
        all(one["first_high"] <= 0.055 for one in cells if one["rows"] >= 1_000)
        and all(one["coverage"] >= 0.94 for one in cells if one["rows"] >= 1_000)
        and all(one["paired_width"] < 1 for one in cells)
        and all(one["spent_high"] <= 0.055 for one in found["looks"])
        and found["family"]["high"] <= 0.055
    )


def text(found: dict[str, Any]) -> str:
    """Return the tables."""
    lines = [
        f"{'metric':12}{'rows':>8}{'false pass':>12}{'high':>7}{'at look 1':>11}{'high':>7}"
        f"{'95 % covers':>13}{'pair 90 %':>11}{'paired':>8}{'equal':>7}"
    ]
    lines += [
        f"{one['metric']:12}{one['rows']:8,}{one['false_pass']:12.2%}{one['high']:7.2%}"
        f"{one['first_look']:11.2%}{one['first_high']:7.2%}{one['coverage']:13.2%}"
        f"{one['paired_coverage']:11.2%}{one['paired_width']:8.2f}{one['equal_passes']:7.1%}"
        for one in found["cells"]
    ]
    lines.append(f"\n{LOOKS} looks at up to 5,000 rows: each at 95 %, and with the error spent")
    lines += [
        f"{one['metric']:12}{one['naive']:8.2%}{one['spent']:8.2%}{one['spent_high']:8.2%}"
        for one in found["looks"]
    ]
    lines.append("\nrows that an inconclusive comparison asks for; equal models pass then")
    lines += [
        f"{one['metric']:12}{one['rows']:8,.0f}{one['power']:8.1%}" for one in found["needed"]
    ]
    rate, high = found["family"]["false_pass"], found["family"]["high"]
    lines.append(f"\nfive slices of 5,000 rows, one worse by the margin: {rate:.2%} ({high:.2%})")
    lines.append(f"{found['cells'][0]['replicates']:,} replicates, {found['seconds']} s")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
