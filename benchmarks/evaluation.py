"""Evaluation with intervals and five slices on a million rows: seconds and peak memory.

    .venv/bin/python -m benchmarks.evaluation [--rows 1000000]

Each task runs in a process of its own, so that its peak resident set is its own. The floor is
scikit-learn's bare metrics on the same rows, without intervals and slices.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

_METRICS = {
    "binary-classification": ["roc_auc", "brier", "log_loss"],
    "multiclass-classification": ["log_loss", "accuracy", "f1_macro"],
    "regression": ["mae", "rmse", "r2"],
}


def main() -> None:
    """Measure each task, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        print(json.dumps(measure(args.task, args.rows)))
        return
    print(f"{'task':28}{'s':>8}{'sklearn s':>11}{'data MB':>9}{'peak MB':>9}")
    for task in _METRICS:
        words = [sys.executable, "-m", "benchmarks.evaluation", "--task", task]
        done = subprocess.run(
            [*words, "--rows", str(args.rows)], check=True, capture_output=True, text=True
        )
        one = json.loads(done.stdout)
        print(
            f"{task:28}{one['seconds']:8.2f}{one['floor']:11.2f}{one['data_mb']:9.0f}"
            f"{one['peak_mb']:9.0f}"
        )


def measure(task: str, rows: int) -> dict[str, float]:
    """Evaluate once in this process; the floor comes last, so that its memory does not count."""
    import numpy as np
    import pandas as pd

    from mlgitops.core.tasks import Task
    from mlgitops.core.terms import Terms
    from mlgitops.flow.evaluation import evaluation
    from mlgitops.ml.labels import Scores

    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"id": np.arange(rows)})
    for number, values in enumerate((2, 5, 10, 20, 50)):
        frame[f"slice{number}"] = rng.integers(0, values, rows).astype(str)
    classes: tuple[str, ...] = ()
    kind: Task
    match task:
        case "regression":
            kind = "regression"
            frame["y"] = rng.lognormal(3, 1, rows)
            answers = frame["y"].to_numpy() * rng.lognormal(0, 0.3, rows)
        case "binary-classification":
            kind, classes = "binary-classification", ("0", "1")
            answers = rng.beta(1, 5, rows)
            frame["y"] = (rng.uniform(size=rows) < answers).astype(int)
        case _:
            kind, classes = "multiclass-classification", ("a", "b", "c", "d")
            answers = rng.dirichlet(np.ones(4), rows)
            drawn = (answers.cumsum(axis=1) < rng.uniform(size=(rows, 1))).sum(axis=1)
            frame["y"] = np.array(classes)[np.minimum(drawn, 3)]
    data = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    evaluation(
        frame,
        Scores(task=kind, values=answers),
        classes,
        Terms(
            target=("y",),
            row_id="id",
            metrics=tuple(_METRICS[task]),
            leads=_METRICS[task][0],
            slices=tuple(f"slice{n}" for n in range(5)),
        ),
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    _bare(task, frame["y"].to_numpy(), answers)
    floor = time.perf_counter() - start
    return {"seconds": seconds, "floor": floor, "data_mb": data, "peak_mb": peak}


def _bare(task: str, truth: object, answers: object) -> None:
    import numpy as np
    from sklearn import metrics

    values = np.asarray(answers)
    match task:
        case "regression":
            metrics.mean_absolute_error(truth, values)
            metrics.root_mean_squared_error(truth, values)
            metrics.r2_score(truth, values)
        case "binary-classification":
            metrics.roc_auc_score(truth, values)
            metrics.brier_score_loss(truth, values)
            metrics.log_loss(truth, values)
        case _:
            labels = np.array(["a", "b", "c", "d"])[values.argmax(axis=1)]
            metrics.log_loss(truth, values)
            metrics.accuracy_score(truth, labels)
            metrics.f1_score(truth, labels, average="macro")


if __name__ == "__main__":
    main()
