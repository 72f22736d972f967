"""`kill -9` of `run` and `gc` at random moments: a clean store, and a next run that completes.

`python benchmarks/kills.py [--moments N] [--seed N] [--json]`; exits 1 at any defect. Every second
time only the `mlgitops` process is killed, else it and all that it started.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.chains import commit

COMMAND: Final = str(Path(sysconfig.get_path("scripts")) / "mlgitops")
VARIANTS: Final = 10
# Work of this moment is kept, what led to nothing is not.
VERBS: Final = {"run": ("run",), "gc": ("gc", "--days", "0", "--offline")}
_PIPELINE: Final = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: killed
params: {times: 3}
steps:
  - name: first
    command: [sh, -c, "sleep 0.05; sort -r $0 > $1", "{inputs.source}", "{outputs.rows}"]
    inputs: {source: {file: source.txt}}
    outputs: {rows: bytes}
  - name: parts
    command:
      [sh, -c, "for n in 1 2 3 4; do cp $0 $1/part-$n; sleep 0.01; done",
       "{inputs.rows}", "{outputs.parts}"]
    inputs: {rows: first.rows}
    outputs: {parts: directory}
  - name: counted
    run: "steps:count"
    inputs: {parts: parts.parts}
    params: [times]
    outputs: {numbers: json, report: text}
  - name: large
    command: [sh, -c, "for n in 1 2 3 4 5 6 7 8; do cat $0 $0; done > $1", "{inputs.rows}",
              "{outputs.large}"]
    inputs: {rows: first.rows}
    outputs: {large: bytes}
  - name: both
    command: [sh, -c, "cat $0 $1 > $2", "{inputs.report}", "{inputs.large}", "{outputs.all}"]
    inputs: {report: counted.report, large: large.large}
    outputs: {all: bytes}
"""
_STEPS: Final = """\
def count(parts, times):
    sizes = {path.name: path.stat().st_size * times for path in sorted(parts.iterdir())}
    return {"numbers": sizes, "report": repr(sizes) * 100}
"""


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of all moments. ``ended``: how many processes were done before they were killed."""

    moments: int
    ended: int = 0
    gc: int = 0
    defects: list[str] = field(default_factory=list)


def main() -> int:
    """Kill, look, print; 0 if nothing was broken, 1 if anything was."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moments", type=int, default=200, help="default: 200")
    parser.add_argument("--seed", type=int, default=0, help="which moments (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Trial(Path(folder).resolve(), asked.seed).all(asked.moments)
    if asked.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        print(f"{report.moments} moments ({report.gc} of them in gc), seed {asked.seed}:")
        print(f"{report.ended} processes had ended before, {len(report.defects)} defects")
        print("\n".join(report.defects))
    return 1 if report.defects else 0


class Trial:
    """A repository, the digests that each variant of its source leads to, and a store to wreck."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.root, self.reference = folder / "repository", folder / "reference"
        self.random = random.Random(seed)
        self.source = self.root / "pipelines/killed/source.txt"
        self.source.parent.mkdir(parents=True)
        (self.root / "mlgitops.yaml").write_text(
            "apiVersion: mlgitops/v1\nkind: Project\nname: killed\n", encoding="utf-8"
        )
        (self.root / ".gitignore").write_text(".mlgitops/\n", encoding="utf-8")
        (self.source.parent / "pipeline.yaml").write_text(_PIPELINE, encoding="utf-8")
        (self.source.parent / "steps.py").write_text(_STEPS, encoding="utf-8")
        self.take(0)
        commit(self.root)
        self.has_gc = self.call("gc", "--help").returncode == 0
        self.expected: list[dict[str, str]] = []
        taken = []
        for variant in range(VARIANTS):
            self.take(variant)
            started = time.perf_counter()
            done = self.call("run", "--json", store=self.reference)
            taken.append(time.perf_counter() - started)
            if done.returncode:
                sys.exit(f"the run that nobody kills fails:\n{done.stderr}")
            self.expected.append(digests(done.stdout))
        self.grow_old()
        started = time.perf_counter()
        done = self.call(*VERBS["gc"])
        gc = time.perf_counter() - started
        if done.returncode or "removed:\n  nothing" in done.stdout:
            sys.exit(f"the gc that nobody kills removes nothing:\n{done.stdout}{done.stderr}")
        self.seconds = {"run": statistics.median(taken), "gc": gc}

    def all(self, moments: int) -> Report:
        """Go through all moments."""
        report = Report(moments=moments)
        for number in range(moments):
            variant = number % VARIANTS
            if variant == 0:
                shutil.rmtree(self.root / ".mlgitops", ignore_errors=True)
            self.take(variant)
            verb = "gc" if self.has_gc and number % 4 == 3 else "run"
            if verb == "gc":
                report.gc += 1
                self.grow_old()
            later = self.random.uniform(0, self.seconds[verb])
            whole = number % 2 == 0
            report.ended += self.kill(verb, later, whole=whole)
            where = f"{verb} killed after {later:.3f} s ({'with all' if whole else 'alone'})"
            report.defects += [f"{number}: {where}: {what}" for what in self.defects(variant)]
        return report

    def grow_old(self) -> None:
        """Make everything in the store old work that nothing names: gc has it all to remove."""
        self.call("run")
        subprocess.run(
            "git for-each-ref --format='delete %(refname)' refs/mlgitops | git update-ref --stdin",
            shell=True,
            cwd=self.root,
            env=environment(),
            check=True,
        )
        before = time.time() - 3 * 86_400
        for path in (self.root / ".mlgitops/store").rglob("*"):
            os.utime(path, (before, before))

    def kill(self, verb: str, later: float, *, whole: bool) -> bool:
        """Start the verb and kill it; return whether it had ended by itself."""
        process = subprocess.Popen(
            (COMMAND, *VERBS[verb]),
            cwd=self.root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(later)
        for pid in family(process.pid) if whole else [process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return process.wait() == 0

    def defects(self, variant: int) -> list[str]:
        """Return what is wrong now: in the store, with the next run, and with what it makes."""
        found = []
        checked = self.call("fsck")
        if checked.returncode:
            found.append(f"fsck: {checked.stdout.strip()[:300]} {checked.stderr.strip()[:300]}")
        done = self.call("run", "--json")
        if done.returncode:
            found.append(f"the next run: {done.stderr.strip()[:500]}")
        elif digests(done.stdout) != self.expected[variant]:
            found.append(f"the next run made something else: {done.stdout[:500]}")
        return found

    def take(self, variant: int) -> None:
        """Write a variant of the source."""
        lines = "".join(f"{variant} {number}\n" for number in range(20_000))
        self.source.write_text(lines, encoding="utf-8")

    def call(self, *argv: str, store: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Call the command to its end."""
        env = environment() | ({} if store is None else {"MLGITOPS_STORE": str(store)})
        return subprocess.run(
            (COMMAND, *argv),
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )


def digests(text: str) -> dict[str, str]:
    """Return the digest of each output that ``run --json`` tells of."""
    return {
        f"{step['step']}.{name}": output["digest"]
        for step in json.loads(text)["steps"]
        for name, output in step["outputs"].items()
    }


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in task.read_text(encoding="ascii").split()]
    return found


def environment() -> dict[str, str]:
    """Return this environment without what would change what is tried."""
    dropped = ("GIT_", "MLGITOPS_", "GITHUB_", "CI", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


if __name__ == "__main__":
    sys.exit(main())
