"""What the command costs before it does anything: whole processes, measured in turn.

`python benchmarks/startup.py [--rounds N] [--json]`; exits 1 if a budget is exceeded.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import time
from dataclasses import asdict, dataclass
from pathlib import Path

COMMAND = str(Path(sysconfig.get_path("scripts")) / "mlgitops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One command, and how many times the cost of the bare interpreter it may take."""

    name: str
    argv: tuple[str, ...]
    budget: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Milliseconds of wall time of one case over all rounds, and the ratio of the medians."""

    name: str
    median_ms: float
    fastest_ms: float
    ratio: float
    budget: float | None
    within: bool


BASE = Case(name="python -c pass", argv=(sys.executable, "-c", "pass"), budget=None)
CASES = (
    BASE,
    Case(name="mlgitops --version", argv=(COMMAND, "--version"), budget=3.0),
    Case(name="mlgitops --help", argv=(COMMAND, "--help"), budget=6.0),
)


def main() -> int:
    """Measure, print; 0 if every budget is kept, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25, help="at least 15 (default: 25)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.rounds < 15:
        parser.error("--rounds: fewer than 15 say nothing on a busy machine")
    results = measure(asked.rounds)
    if asked.json:
        rows = [asdict(result) for result in results]
        print(json.dumps({"rounds": asked.rounds, "results": rows}, indent=2))
    else:
        print(as_table(results))
    return 0 if all(result.within for result in results) else 1


def measure(rounds: int) -> list[Measured]:
    """Every case once per round, in turn, so that a busy moment hits all of them alike."""
    for case in CASES:  # once for nothing: byte code is compiled, files are in memory
        one_run(case)
    taken: dict[str, list[float]] = {case.name: [] for case in CASES}
    for _ in range(rounds):
        for case in CASES:
            taken[case.name].append(one_run(case))
    base = statistics.median(taken[BASE.name])
    results = []
    for case in CASES:
        median = statistics.median(taken[case.name])
        results.append(
            Measured(
                name=case.name,
                median_ms=round(median * 1000, 2),
                fastest_ms=round(min(taken[case.name]) * 1000, 2),
                ratio=round(median / base, 2),
                budget=case.budget,
                within=case.budget is None or median <= case.budget * base,
            )
        )
    return results


def one_run(case: Case) -> float:
    """Seconds from starting the process to its end; fails if the process does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSTARTUP"}
    started = time.perf_counter()
    subprocess.run(case.argv, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def as_table(results: list[Measured]) -> str:
    """One line for each case, aligned for a terminal."""
    lines = [f"{'':20} {'median':>9} {'fastest':>9} {'ratio':>6}  budget"]
    for result in results:
        budget = "" if result.budget is None else f"<= {result.budget:g}x"
        verdict = "" if result.within else "  EXCEEDED"
        lines.append(
            f"{result.name:20} {result.median_ms:6.1f} ms {result.fastest_ms:6.1f} ms"
            f" {result.ratio:5.2f}x  {budget}{verdict}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
