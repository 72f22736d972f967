"""How often does a search for weak slices report one where there is none?

``python -m benchmarks.searched``: searches on data whose model is as good everywhere, by metric and
number of rows, with three columns (three cities, two plans, an age): the share that reports any
slice has to stay under 5 %. About three minutes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlgitops.ml.labels import Floats, Scores
from mlgitops.ml.searched import search

_ROUNDS = {300: 1000, 1000: 1000, 5000: 400}
_NUMBERS = ("mae", "rmse")
_CLASSES = ("log_loss", "roc_auc", "accuracy")


def main() -> None:
    """Print the shares."""
    print(f"{'rows':>6} {'slices':>7}  " + "  ".join(f"{m:>9}" for m in (*_NUMBERS, *_CLASSES)))
    for rows, rounds in _ROUNDS.items():
        shares = [_share(metric, rows, rounds) for metric in (*_NUMBERS, *_CLASSES)]
        looked = search(_frame(0, rows), "mae", *_numbers(0, rows)).looked_at
        print(f"{rows:>6} {looked:>7}  " + "  ".join(f"{share:>9.2%}" for share in shares))


def _share(metric: str, rows: int, rounds: int) -> float:
    draw = _numbers if metric in _NUMBERS else _classes
    found = (search(_frame(seed, rows), metric, *draw(seed, rows)) for seed in range(rounds))
    return sum(bool(one.weak) for one in found) / rounds


def _frame(seed: int, rows: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "city": random.choice(["Oslo", "Rome", "Lima"], rows),
            "plan": random.choice(["free", "paid"], rows),
            "age": random.integers(18, 90, rows).astype(float),
        }
    )


def _numbers(seed: int, rows: int) -> tuple[Floats, Scores]:
    """Errors with a long tail, as errors are."""
    random = np.random.default_rng(seed + 1000)
    target = random.normal(size=rows)
    return target, Scores(task="regression", values=target + random.standard_t(4, rows))


def _classes(seed: int, rows: int) -> tuple[Floats, Scores]:
    random = np.random.default_rng(seed + 5)
    target = (random.uniform(size=rows) < 0.2).astype(float)
    chances = np.clip(random.beta(2, 5, rows) * 0.7 + 0.25 * target, 0.0, 1.0)
    return target, Scores(task="binary-classification", values=chances)


if __name__ == "__main__":
    main()
