"""What it costs to start a step: a command, and workers started cold and from a prepared parent.

`python benchmarks/steps.py [--rounds N] [--json]`; exits 1 if a budget is exceeded.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mlgitops.executor import Job, Worker
from mlgitops.executor.process import ProcessExecutor
from mlgitops.executor.tasks import Task, write_task

ENVIRONMENT = {
    "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")},
}
STEPS = {
    "plain": "def plain(): return [1, 2]\n",
    "frame": "import pandas as pd\ndef frame(): return pd.DataFrame({'x': range(1000)})\n",
    "model": (
        "import numpy as np\nfrom sklearn.linear_model import LogisticRegression\n"
        "def model():\n"
        "    rows = np.arange(200.0).reshape(100, 2)\n"
        "    return LogisticRegression().fit(rows, rows[:, 0] > 90)\n"
    ),
}
IMPORTS = {
    "plain": (),
    "frame": ("numpy", "pandas", "pyarrow.parquet", "pyarrow.compute"),
    "model": ("numpy", "sklearn", "skops.io"),
}
FORMATS = {"plain": "json", "frame": "parquet", "model": "estimator"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Milliseconds of wall time, the median of all rounds, beside what it is held against."""

    name: str
    against: str
    median_ms: float
    against_ms: float
    ratio: float
    budget: float
    within: bool


def main() -> int:
    """Measure, print; 0 if every budget is kept, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="of the workers (default: 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steps-") as folder:
        results = [command(Path(folder), 20 * asked.rounds), *workers(Path(folder), asked.rounds)]
    if asked.json:
        rows = [asdict(result) for result in results]
        print(json.dumps({"rounds": asked.rounds, "results": rows}, indent=2))
    else:
        for one in results:
            print(
                f"{one.name:24} {one.median_ms:8.1f} ms   {one.against:16} {one.against_ms:8.1f} ms"
                f"   {one.ratio:5.2f} times (at most {one.budget})"
                f"   {'ok' if one.within else 'EXCEEDED'}"
            )
    return 0 if all(result.within for result in results) else 1


def command(folder: Path, rounds: int) -> Measured:
    """`true` as a job, and the same by `subprocess.run`, in turn."""
    executor = ProcessExecutor()
    job = Job(
        name="true",
        argv=("true",),
        directory=folder,
        environment=ENVIRONMENT,
        log=folder / "log",
        timeout=60,
    )

    def bare() -> None:
        subprocess.run(["true"], cwd=folder, env=ENVIRONMENT, check=True)

    taken = in_turn({"job": lambda: executor.run(job), "bare": bare}, rounds)
    return measured("a command: true", "subprocess.run", taken["job"], taken["bare"], budget=1.3)


def workers(folder: Path, rounds: int) -> list[Measured]:
    """Each step cold and prepared, in turn; a parent is ready after its first job."""
    (folder / "repo").mkdir()
    for name, source in STEPS.items():
        (folder / f"repo/{name}.py").write_text(source, encoding="utf-8")
    cold, warm = ProcessExecutor(prepared=False), ProcessExecutor()
    budgets = {"plain": 0.9, "frame": 0.5, "model": 0.5}
    results = []
    for name in STEPS:
        taken = in_turn(
            {
                "prepared": lambda name=name: work(warm, folder, name),  # type: ignore[misc]
                "cold": lambda name=name: work(cold, folder, name),  # type: ignore[misc]
            },
            rounds,
        )
        what = f"{name}, {FORMATS[name]}: prepared"
        results.append(
            measured(what, "cold", taken["prepared"], taken["cold"], budget=budgets[name])
        )
    return results


def work(executor: ProcessExecutor, folder: Path, name: str) -> None:
    """Run one step in a directory of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        directory, root = Path(place), str(folder / "repo")
        (directory / "outputs").mkdir()
        task = Task(
            kind="call",
            root=root,
            folder=root,
            directory=str(directory / "outputs"),
            outputs={"out": FORMATS[name]},
            function=f"{name}:{name}",
            inputs={},
            params={},
            declared=(f"{name}.py",),
        )
        path = str(write_task(task, directory))
        outcome = executor.run(
            Job(
                name=name,
                argv=(sys.executable, "-P", "-m", "mlgitops.executor.worker", path),
                directory=directory,
                environment={**ENVIRONMENT, "HOME": place, "TMPDIR": place},
                log=directory / "log",
                timeout=60,
                worker=Worker(imports=IMPORTS[name], folders=(root,)),
            )
        )
        if outcome.exit_code:
            raise SystemExit((directory / "log").read_text(encoding="utf-8"))


def in_turn(cases: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each case over all rounds; once for nothing before."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, run in cases.items():
            started = time.perf_counter()
            run()
            if number:
                taken[name].append(time.perf_counter() - started)
    return taken


def measured(
    name: str, against: str, ours: list[float], theirs: list[float], *, budget: float
) -> Measured:
    """Return the medians and their ratio."""
    median, other = statistics.median(ours), statistics.median(theirs)
    return Measured(
        name=name,
        against=against,
        median_ms=round(median * 1000, 2),
        against_ms=round(other * 1000, 2),
        ratio=round(median / other, 3),
        budget=budget,
        within=median <= budget * other,
    )


if __name__ == "__main__":
    sys.exit(main())
