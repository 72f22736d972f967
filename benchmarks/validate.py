"""What `validate` costs in large repositories: whole processes, wall time and peak memory.

`python benchmarks/validate.py [--sizes 100 1000 3000] [--rounds N] [--pins] [--peer] [--json]`;
exits 1 if a budget for 1,000 pipelines is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.repository import generate

SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
COMMAND: Final = str(SCRIPTS / "mlgitops")
# For 1,000 pipelines: seconds, and MB of peak memory.
SIZE: Final = 1000
SECONDS: Final = {"cold": 3.0, "unchanged": 1.0, "since": 0.5}
MEGABYTES: Final = 300.0
# What no validator written in Python can be faster than: libyaml's events, and ast of the modules.
FLOOR: Final = """
import ast, gc, pathlib, sys, yaml
gc.disable()
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.suffix == ".yaml":
        loader = yaml.CSafeLoader(path.read_bytes())
        while loader.get_event() is not None:
            pass
    elif path.suffix == ".py":
        ast.parse(path.read_bytes())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One case at one size: the median over the rounds, and the largest process of all rounds."""

    name: str
    pipelines: int
    seconds: float
    fastest: float
    megabytes: float
    budget: float | None

    @property
    def within(self) -> bool:
        """Return whether the budgets of this case are kept; without one they are."""
        return self.budget is None or (self.seconds <= self.budget and self.megabytes <= MEGABYTES)


def main() -> int:
    """Measure, print; 0 if every budget is kept, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, SIZE, 3000])
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--pins", action="store_true", help="pin every model in 3 environments")
    parser.add_argument(
        "--peer", action="store_true", help="time check-jsonschema on the same files, too"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    results = []
    for size in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            generate(root, size, pins=asked.pins)
            results += measure(root, size, asked.rounds, peer=asked.peer)
    if asked.json:
        rows = [{**asdict(one), "within": one.within} for one in results]
        print(json.dumps({"rounds": asked.rounds, "pins": asked.pins, "results": rows}, indent=2))
    else:
        print(as_table(results))
    return 0 if all(one.within for one in results) else 1


def measure(root: Path, size: int, rounds: int, *, peer: bool) -> list[Measured]:
    """Measure every case once a round, in turn, so that a busy moment hits all of them alike."""
    memory = root / ".git/mlgitops/findings.json"
    changed = root / "pipelines" / f"churn-{size // 2:04d}" / "pipeline.yaml"
    text = changed.read_text(encoding="utf-8")
    validate = (COMMAND, "validate")
    since = (*validate, "--since", "HEAD")

    def forget() -> None:
        memory.unlink(missing_ok=True)

    def change() -> None:
        forget()
        changed.write_text(text.replace("rounds: 300", "rounds: 400"), encoding="utf-8")

    def break_it() -> None:
        forget()
        changed.write_text(text.replace("steps:fit", "steps:fitt"), encoding="utf-8")

    def restore() -> None:
        changed.write_text(text, encoding="utf-8")

    cases: dict[str, tuple[tuple[str, ...], Callable[[], None], Callable[[], None]]] = {
        "floor": ((sys.executable, "-c", FLOOR, str(root)), nothing, nothing),
        "cold": (validate, forget, nothing),
        "unchanged": (validate, nothing, nothing),
        "since": (since, change, restore),
        "since, wrong": (since, break_it, restore),
    }
    one_run(validate, root)  # once for nothing: byte code is compiled, files are in memory
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (argv, before, after) in cases.items():
            before()
            taken[name].append(one_run(argv, root, fails="wrong" in name))
            after()
    results = [
        Measured(
            name=name,
            pipelines=size,
            seconds=round(statistics.median(seconds for seconds, _ in runs), 3),
            fastest=round(min(seconds for seconds, _ in runs), 3),
            megabytes=round(max(megabytes for _, megabytes in runs), 1),
            budget=SECONDS.get(name) if size == SIZE else None,
        )
        for name, runs in taken.items()
    ]
    return [*results, beside(root, size)] if peer else results


def beside(root: Path, size: int) -> Measured:
    """Time a validator of single files against JSON Schema on the same pipelines."""
    schema = root / ".git/pipeline.schema.json"
    out = subprocess.run((COMMAND, "schema", "Pipeline"), cwd=root, check=True, capture_output=True)
    schema.write_bytes(out.stdout)
    files = [str(path) for path in sorted(root.glob("pipelines/*/pipeline.yaml"))]
    argv = (str(SCRIPTS / "check-jsonschema"), "--schemafile", str(schema), *files)
    seconds, megabytes = one_run(argv, root)
    return Measured(
        name="check-jsonschema",
        pipelines=size,
        seconds=round(seconds, 3),
        fastest=round(seconds, 3),
        megabytes=round(megabytes, 1),
        budget=None,
    )


def nothing() -> None:
    """Change nothing between two runs."""


def one_run(argv: tuple[str, ...], root: Path, *, fails: bool = False) -> tuple[float, float]:
    """Return seconds and peak megabytes of one process; fails if it ends otherwise than asked."""
    started = time.perf_counter()
    process = subprocess.Popen(argv, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != int(fails):
        sys.exit(f"{argv[:3]} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1000


def as_table(results: list[Measured]) -> str:
    """One line for each case and size, aligned for a terminal; growth is against the line above."""
    lines = [f"{'pipelines':>9}  {'':17}{'median':>9} {'fastest':>9} {'memory':>9}  budget"]
    for result in results:
        budget = "" if result.budget is None else f"<= {result.budget:g} s, {MEGABYTES:g} MB"
        verdict = "" if result.within else "  EXCEEDED"
        lines.append(
            f"{result.pipelines:>9}  {result.name:17}{result.seconds:7.2f} s"
            f" {result.fastest:7.2f} s {result.megabytes:6.0f} MB  {budget}{verdict}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
