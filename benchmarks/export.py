"""Which pipelines are released, which are refused, and does one pass that answers otherwise?

    .venv/bin/python -m benchmarks.export [--only forest] [--search] [--json]

Each pipeline of `benchmarks/pipelines.py` is fitted, exported, and proved as a release is: on held
out rows and on adversarial ones. What passes is *released*; then it answers other rows (columns
shuffled, so that values meet that never met), and is *wrong* when more than one row in a thousand
is off by more than 1e-3 (of the target's spread) or has another label. *refused* carries the
message; *crashed* is any error but ours. ``--search`` tries, for all that is not released, whether
some option of the converter gives parity: those that it finds are kept in
`benchmarks/export_found.txt`, which the share of released ones is held against. Exits 1 for a wrong
or a crashed one.
"""

from __future__ import annotations

import argparse
import collections
import json
import multiprocessing
import os
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOUND = Path(__file__).parent / "export_found.txt"
ATOL = 1e-4
PATIENCE = 120  # seconds for one pipeline
_OPSETS = ({"": 18, "ai.onnx.ml": 3}, {"": 15, "ai.onnx.ml": 2}, {"": 18, "ai.onnx.ml": 1})


def main() -> None:
    """Export each pipeline in a process of its own, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from benchmarks.pipelines import pipelines

    names = [name for name, _, _ in pipelines() if args.only in name]
    started = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(args.processes, maxtasksperchild=25) as pool:
        done = pool.imap(_one, [(name, args.search) for name in names])
        rows = []
        for row in done:
            rows.append(row)
            if not args.json:
                print(
                    f"{row['outcome']:9}{row['seconds']:6.1f} s  {row['name']}: {row['why']}",
                    flush=True,
                )
    summary = summarised(rows, searched=args.search)
    summary["seconds"] = round(time.perf_counter() - started, 1)
    if args.search and not args.only:
        kept = sorted(row["name"] for row in rows if row["found"] or row["outcome"] == "released")
        FOUND.write_text("\n".join(kept) + "\n", encoding="utf-8")
    print(json.dumps({"rows": rows, **summary}, indent=1) if args.json else f"\n{summary}")
    sys.exit(1 if summary["wrong"] or summary["crashed"] else 0)


def summarised(rows: list[dict[str, Any]], *, searched: bool) -> dict[str, Any]:
    """Return how many came to what, and the share of what can be converted at all."""
    counts = collections.Counter(row["outcome"] for row in rows)
    if searched:
        can = {row["name"] for row in rows if row["found"] or row["outcome"] == "released"}
    else:
        known = FOUND.read_text(encoding="utf-8").splitlines() if FOUND.exists() else []
        can = set(known) & {row["name"] for row in rows}
    released = {row["name"] for row in rows if row["outcome"] == "released"}
    return {
        "pipelines": len(rows),
        **{name: counts[name] for name in ("released", "refused", "wrong", "crashed")},
        "convertible": len(can),
        "share": round(len(released & can) / len(can), 3) if can else None,
    }


def _one(job: tuple[str, bool]) -> dict[str, Any]:
    """Return what one pipeline comes to."""
    from benchmarks.pipelines import pipelines

    name, search = job
    data_name, make = next((where, make) for one, where, make in pipelines() if one == name)
    started = time.perf_counter()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(PATIENCE)
    try:
        case = Case(data_name, make)
        outcome, why = case.outcome()
        found = search and outcome != "released" and case.search()
    except TimeoutError:
        outcome, why, found = "crashed", f"not done after {PATIENCE} s", False
    finally:
        signal.alarm(0)
    seconds = round(time.perf_counter() - started, 2)
    return {"name": name, "outcome": outcome, "why": why, "found": bool(found), "seconds": seconds}


def _late(*_: object) -> None:
    raise TimeoutError


class Case:
    """One pipeline, fitted; half of the rows are held out."""

    def __init__(self, where: str, make: Any) -> None:
        from benchmarks.pipelines import data

        known = data(where)
        half = len(known.frame) // 2
        self.task = known.task
        self.train, self.held = known.frame.iloc[:half], known.frame.iloc[half:]
        target = known.target[:half]
        self.spread = 1.0 if known.task != "regression" else float(np.std(known.target))
        rng = np.random.default_rng(11)
        self.other = known.frame.sample(4_000, replace=True, random_state=11).reset_index(drop=True)
        for column in self.other.columns:
            self.other[column] = self.other[column].to_numpy()[rng.permutation(len(self.other))]
        self.estimator = make()
        try:
            self.estimator.fit(self.train, target)
        except TypeError:
            self.estimator.fit(self.train)

    def outcome(self) -> tuple[str, str]:
        """Return what a release would come to, and why."""
        from mlgitops.core.errors import Refused
        from mlgitops.ml.export import export
        from mlgitops.ml.scoring import Scorer

        try:
            task: Any = self.task
            made = export(
                self.estimator, self.train, task=task, row_id=None, tolerance=ATOL * self.spread
            )
            scorer = Scorer(made.onnx, made.signature)
            self._prove(scorer, made.onnx)
        except Refused as error:
            return "refused", f"{error.message} → {error.hint}"
        except TimeoutError:
            raise
        except Exception as error:
            return "crashed", f"{type(error).__name__}: {str(error).splitlines()[:1]}"
        off, labels = self._off(scorer.score(self.other))
        told = f"{off} of {len(self.other)} rows off, {labels} labels"
        wrong = max(off, labels) > len(self.other) / 1000
        return ("wrong" if wrong else "released"), told

    def _prove(self, scorer: Any, onnx: bytes) -> None:
        """Raise Refused as `release` does: on the held out rows, and on adversarial ones."""
        from mlgitops.core.errors import Refused
        from mlgitops.ml import beside
        from mlgitops.ml.parity import asker, check, estimate

        atol = ATOL * self.spread
        found = check(self.estimator, scorer, self.held, atol=atol, rtol=0.0)
        if not found.ok:
            raise Refused(
                f"parity: {found.rows_over} rows over, {found.label_mismatches} labels",
                hint="train on float32",
            )
        expected = estimate(self.estimator, self.held, scorer.signature.task)
        limits = beside.tolerance(
            self.held, scorer.signature, expected, atol=atol, rtol=0.0, rows=0.0
        )
        ask = asker(self.estimator, scorer.signature.task)
        proof = beside.check(self.held, scorer, ask, onnx, limits)
        if not proof.ok:
            raise Refused("parity on adversarial rows", hint=str(proof)[:300])

    def _off(self, answers: Any) -> tuple[int, int]:
        from mlgitops.ml.parity import estimate, labels_differ

        truth = estimate(self.estimator, self.other, answers.task)
        gap = np.abs(truth.values - answers.values).reshape(len(self.other), -1).max(axis=1)
        return int((gap > 1e-3 * self.spread).sum()), int(labels_differ(truth, answers).sum())

    def search(self) -> bool:
        """Return whether some option of skl2onnx gives what the estimator answers."""
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
        from sklearn.preprocessing import StandardScaler

        truth = self._wanted(self.held)
        if truth is None:
            return False
        for numbers in (FloatTensorType, DoubleTensorType):
            for opset in _OPSETS:
                for options in ({}, {StandardScaler: {"div": "div"}}):
                    if self._try(numbers, opset, dict(options), truth):
                        return True
        return False

    def _wanted(self, rows: Any) -> Any:
        for name in ("predict_proba", "decision_function", "predict"):
            if hasattr(self.estimator, name):
                return np.asarray(getattr(self.estimator, name)(rows), dtype=float)
        return None

    def _try(self, numbers: Any, opset: dict[str, int], options: Any, truth: Any) -> bool:
        import onnxruntime
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

        if hasattr(self.estimator, "predict_proba"):
            options[id(self.estimator)] = {"zipmap": False}
        wide = numbers is DoubleTensorType
        mixed = any(dtype.kind not in "fiu" for dtype in self.held.dtypes)
        rows = self.held
        kind = "float64" if wide else "float32"
        if mixed:
            types = [
                (
                    name,
                    numbers([None, 1])
                    if rows[name].dtype.kind in "fiu"
                    else StringTensorType([None, 1]),
                )
                for name in rows
            ]
            feeds = {
                name: rows[name].to_numpy(kind if rows[name].dtype.kind in "fiu" else object)[
                    :, None
                ]
                for name in rows
            }
        else:
            types = [("x", numbers([None, rows.shape[1]]))]
            feeds = {"x": rows.to_numpy(kind)}
        try:
            model = convert_sklearn(
                self.estimator, initial_types=types, options=options, target_opset=opset
            )
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), providers=["CPUExecutionProvider"]
            )
            outs = session.run(None, {one.name: feeds[one.name] for one in session.get_inputs()})
        except TimeoutError:
            raise
        except Exception:
            return False
        for out in outs:
            got = np.asarray(out)
            if got.dtype.kind == "f" and got.size == truth.size:
                gap = np.abs(got.reshape(truth.shape).astype(float) - truth)
                if float(np.mean(gap > 1e-3 * self.spread)) <= 0.001:
                    return True
        return False


if __name__ == "__main__":
    main()
