"""What `run` and `plan` cost on graphs of N trivial commands: whole processes, measured in turn.

`python benchmarks/graphs.py [--sizes 10 100 1000 3000] [--rounds N] [--first N] [--dvc VENV]
[--json]`; exits 1 if a budget for 1,000 steps is exceeded.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.chains import CHAINS, PIPELINE, commands, write_ours, write_peer

COMMAND: Final = str(Path(sysconfig.get_path("scripts")) / "mlgitops")
SIZE: Final = 1000
# What no tool in Python that knows this graph and this state can be faster than: parse both with
# libyaml, look at each file once; "hash" reads them, too.
FLOOR: Final = """
import hashlib, os, sys, yaml
spec, lock = (
    yaml.load(open(name, "rb"), yaml.CSafeLoader)["stages"] for name in ("dvc.yaml", "dvc.lock")
)
seen = set()
for stage in spec.values():
    for path in (*stage["deps"], *stage["outs"]):
        if path not in seen:
            seen.add(path)
            os.stat(path)
            if sys.argv[1] == "hash":
                hashlib.sha256(open(path, "rb").read()).digest()
assert spec.keys() == lock.keys()
"""
# Nothing of the caller's may change what is measured (PYTHONDONTWRITEBYTECODE: compiled each time).
DROPPED: Final = ("GIT_", "MLGITOPS_", "DVC_", "GITHUB_", "CI", "PYTHON")

Taken = tuple[float, float]
"""Seconds of wall time, and of processor time with all children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One case at one size: medians over the rounds. ``limit``: the seconds that it may take."""

    name: str
    steps: int
    seconds: float
    fastest: float
    cpu: float
    rounds: int
    limit: float | None = None
    because: str = ""

    @property
    def within(self) -> bool:
        """Return whether the budget of this case is kept; without one it is."""
        return self.limit is None or self.seconds <= self.limit


def main() -> int:
    """Measure, print; 0 if every budget is kept, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, SIZE, 3000])
    parser.add_argument("--rounds", type=int, default=7, help="of what does little (default: 7)")
    parser.add_argument("--first", type=int, default=3, help="of first runs (default: 3)")
    parser.add_argument("--dvc", type=Path, help="a virtual environment with DVC, to compare with")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    results: list[Measured] = []
    for size in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            graph = Graph(Path(folder).resolve(), size, asked.dvc)
            results += graph.measure(asked.rounds, asked.first)
    if asked.json:
        rows = [{**asdict(one), "within": one.within} for one in results]
        print(json.dumps({"cores": os.cpu_count(), "results": rows}, indent=2))
    else:
        print(as_table(results))
    return 0 if all(one.within for one in results) else 1


class Graph:
    """Our repository and the peer's tree of one size, and what can be measured on them."""

    def __init__(self, folder: Path, size: int, dvc: Path | None) -> None:
        self.size, self.dvc = size, dvc
        self.ours, self.peer, self.bare = (folder / name for name in ("ours", "peer", "bare"))
        self.sources = self.ours / f"pipelines/{PIPELINE}/src"
        write_ours(self.ours, size)
        write_peer(self.peer, size)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(DROPPED)}
        self.env |= {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "site")}
        self.edits = 0

    def measure(self, rounds: int, first: int) -> list[Measured]:
        """Measure every case once a round, in turn: a busy moment hits all of them alike."""
        dear: dict[str, Callable[[], Taken]] = {
            "bare pool": lambda: self.pool(synced=False),
            "bare pool, synced": lambda: self.pool(synced=True),
            "first run": self.first_run,
        }
        cheap: dict[str, Callable[[], Taken]] = {
            "floor": lambda: self.floor("stat"),
            "floor, hashing": lambda: self.floor("hash"),
            "plan, no-op": lambda: self.call("plan"),
            "run, no-op": lambda: self.call("run"),
            "bare chain": self.chain,
            "one stale chain": self.stale_chain,
        }
        if self.dvc is not None:
            cheap["dvc repro, no-op"] = self.dvc_repro
        taken = self.rounds(dear, first) | self.rounds(cheap, rounds)
        self.prove_no_op()
        return self.judged(taken)

    def rounds(self, cases: dict[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
        """Return what each round of each case took, after one round for nothing."""
        taken: dict[str, list[Taken]] = {name: [] for name in cases}
        for number in range(rounds + 1):
            for name, case in cases.items():
                # A peer's no-op of a minute is as long in the second round.
                if number > 1 and taken[name] and taken[name][-1][0] > 30:
                    continue
                one = case()
                if number:
                    taken[name].append(one)
        return taken

    def judged(self, taken: dict[str, list[Taken]]) -> list[Measured]:
        """Return the medians, with the budgets that follow from the other medians."""
        wall = {name: statistics.median(one[0] for one in runs) for name, runs in taken.items()}
        limits: dict[str, tuple[float, str]] = {}
        if self.size == SIZE:
            no_op = 3 * wall["floor"], "3x floor"
            if "dvc repro, no-op" in wall and wall["dvc repro, no-op"] / 20 < no_op[0]:
                no_op = wall["dvc repro, no-op"] / 20, "dvc repro / 20"
            limits = {
                "plan, no-op": no_op,
                "run, no-op": no_op,
                "first run": (2 * wall["bare pool, synced"], "2x bare pool, synced"),
                "one stale chain": (
                    wall["run, no-op"] + 1.5 * wall["bare chain"],
                    "no-op + 1.5x bare chain",
                ),
            }
        return [
            Measured(
                name=name,
                steps=self.size,
                seconds=round(wall[name], 4),
                fastest=round(min(one[0] for one in runs), 4),
                cpu=round(statistics.median(one[1] for one in runs), 4),
                rounds=len(runs),
                limit=round(limits[name][0], 4) if name in limits else None,
                because=limits[name][1] if name in limits else "",
            )
            for name, runs in taken.items()
        ]

    # -- cases ------------------------------------------------------------------------------

    def first_run(self) -> Taken:
        """Run all, with nothing known of it."""
        self.put_aside(self.ours / ".mlgitops")
        return self.call("run")

    def stale_chain(self) -> Taken:
        """Run after an edit of one chain's source."""
        self.edits += 1
        (self.sources / "0.txt").write_text(f"edit {self.edits}\n", encoding="utf-8")
        return self.call("run")

    def call(self, *argv: str) -> Taken:
        """Call our command in our repository."""
        return self.process((COMMAND, *argv), self.ours)

    def floor(self, how: str) -> Taken:
        """Parse and look, in a bare interpreter."""
        return self.process((sys.executable, "-c", FLOOR, how), self.peer)

    def dvc_repro(self) -> Taken:
        """Call the peer where nothing is to be done."""
        assert self.dvc is not None
        # Its own python is first on the PATH, as in an activated environment.
        return self.process((str(self.dvc.absolute() / "bin/dvc"), "repro"), self.peer)

    def pool(self, *, synced: bool) -> Taken:
        """Run all commands, each chain in order, as many at once as there are cores."""
        return self.bare_commands(commands(self.size, self.sources, self.bare), synced=synced)

    def chain(self) -> Taken:
        """Run the commands of one chain."""
        return self.bare_commands(commands(self.size, self.sources, self.bare)[:1], synced=True)

    def bare_commands(self, chains: list[list[list[str]]], *, synced: bool) -> Taken:
        """Run commands and nothing else; ``synced``: their outputs are durable at the end."""
        self.put_aside(self.bare)
        self.bare.mkdir()

        def follow(chain: list[list[str]]) -> None:
            for argv in chain:
                subprocess.run(argv, check=True, env=self.env, stdin=subprocess.DEVNULL)

        started, before = time.perf_counter(), os.times()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(follow, chains):
                pass
        if synced:
            for path in (*self.bare.iterdir(), self.bare):
                handle = os.open(path, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
        seconds, after = time.perf_counter() - started, os.times()
        return seconds, sum(after[:4]) - sum(before[:4])

    def put_aside(self, folder: Path) -> None:
        """Move away what a round left.

        For minutes after many files were deleted, ext4 makes new ones at a fraction of its speed:
        each number that was free a moment ago is looked at, and left alone.
        """
        if folder.exists():
            folder.rename(Path(tempfile.mkdtemp(dir=self.bare.parent)) / folder.name)

    def process(self, argv: tuple[str, ...], cwd: Path) -> Taken:
        """Return what one process took; ends the benchmark if it fails."""
        started = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(argv[:3])} ended with {process.returncode} in {cwd}")
        return seconds, usage.ru_utime + usage.ru_stime

    def prove_no_op(self) -> None:
        """End the benchmark unless everything really is up to date, here and at the peer."""
        said = subprocess.run(
            (COMMAND, "plan", "--json"),
            cwd=self.ours,
            env=self.env,
            check=True,
            capture_output=True,
        )
        actions = [step["action"] for step in json.loads(said.stdout)["steps"]]
        if actions != ["reuse"] * self.size:
            sys.exit(f"after all runs {actions.count('execute')} steps of {len(actions)} are stale")
        if self.dvc is not None:
            dvc = str(self.dvc.absolute() / "bin/dvc")
            answer = subprocess.run(
                (dvc, "status"), cwd=self.peer, env=self.env, capture_output=True, text=True
            ).stdout
            if "up to date" not in answer:
                sys.exit(f"dvc does not take its tree for finished: {answer[:300]}")


def as_table(results: list[Measured]) -> str:
    """One line for each case and size, aligned for a terminal."""
    lines = [f"{'steps':>6}  {'':20}{'median':>9} {'fastest':>9} {'cpu':>9} {'a step':>9}  budget"]
    for one in results:
        stale = (one.steps + CHAINS - 1) // CHAINS if "chain" in one.name else one.steps
        budget = "" if one.limit is None else f"<= {one.limit:.3f} s ({one.because})"
        verdict = "" if one.within else "  EXCEEDED"
        lines.append(
            f"{one.steps:>6}  {one.name:20}{one.seconds:7.3f} s {one.fastest:7.3f} s"
            f" {one.cpu:7.3f} s {one.seconds / stale * 1000:6.2f} ms  {budget}{verdict}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
