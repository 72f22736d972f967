"""Steps side by side, and runs side by side: what they take, and whether work is done once.

`python benchmarks/concurrency.py [--rounds N] [--runs N] [--json]`; exits 1 if a promise is broken.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.chains import commit

COMMAND: Final = str(Path(sysconfig.get_path("scripts")) / "mlgitops")
SLEEPERS: Final = 8
SECONDS: Final = 2.0
_HEAD: Final = "apiVersion: mlgitops/v1\nkind: Pipeline\nname: {name}\nsteps:\n"
_PROJECT: Final = "apiVersion: mlgitops/v1\nkind: Project\nname: sharing\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``seconds``: median of a run of the sleepers. The counts are over all rounds."""

    seconds: float
    fastest: float
    runs: int
    failed: int
    works: int
    done: int
    said: str = ""

    @property
    def kept(self) -> bool:
        """Return whether each promise is kept."""
        return self.seconds < SECONDS and self.failed == 0 and self.works == self.done


def main() -> int:
    """Measure, print; 0 if each promise is kept, 1 if not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="default: 30")
    parser.add_argument("--runs", type=int, default=6, help="runs at once (default: 6)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        taken = [sleepers(root / f"sleepers-{number}") for number in range(3)]
        failed, done, said = 0, 0, ""
        sharing = Sharing(root / "sharing", asked.runs)
        for number in range(asked.rounds):
            outcome = sharing.round(number)
            failed, done = failed + len(outcome.errors), done + outcome.done
            said = said or next(iter(outcome.errors), "")
    report = Report(
        seconds=round(statistics.median(taken), 3),
        fastest=round(min(taken), 3),
        runs=asked.rounds * asked.runs,
        failed=failed,
        works=asked.rounds * (1 + asked.runs),
        done=done,
        said=said,
    )
    if asked.json:
        print(json.dumps({**asdict(report), "kept": report.kept}, indent=2))
    else:
        print(as_text(report))
    return 0 if report.kept else 1


def sleepers(root: Path) -> float:
    """Return the seconds that a first run of steps of one second each takes, all at once."""
    steps = "".join(
        f"  - name: s{number}\n"
        f'    command: [sh, -c, "sleep 1; echo {number} > $0", "{{outputs.out}}"]\n'
        "    outputs: {out: text}\n"
        for number in range(SLEEPERS)
    )
    _project(root, "sleepers", steps)
    started = time.perf_counter()
    subprocess.run(
        (COMMAND, "run", "--jobs", str(SLEEPERS)),
        cwd=root,
        env=_environment(),
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What runs at once came to: what the failed ones said, and how often work was done."""

    errors: tuple[str, ...]
    done: int


class Sharing:
    """A step that all need, and one for each run; every command leaves a line when it works."""

    def __init__(self, root: Path, runs: int) -> None:
        self.root, self.runs = root, runs
        self.lines = root.parent / f"{root.name}.lines"
        self.source = root / "pipelines/sharing/source.txt"
        self.source.parent.mkdir(parents=True)
        self.source.write_text("start\n", encoding="utf-8")
        steps = (
            "  - name: shared\n"
            f'    command: [sh, -c, "echo shared >> {self.lines}; sleep 0.1; cp $0 $1",'
            ' "{inputs.source}", "{outputs.data}"]\n'
            "    inputs: {source: {file: source.txt}}\n"
            "    outputs: {data: bytes}\n"
        ) + "".join(
            f"  - name: s{number}\n"
            f'    command: [sh, -c, "echo s{number} >> {self.lines}; cp $0 $1",'
            ' "{inputs.data}", "{outputs.out}"]\n'
            "    inputs: {data: shared.data}\n"
            "    outputs: {out: bytes}\n"
            for number in range(runs)
        )
        _project(root, "sharing", steps)

    def round(self, number: int) -> Round:
        """Change the source, start all runs at once, and count what they did."""
        self.source.write_text(f"round {number}\n", encoding="utf-8")
        self.lines.unlink(missing_ok=True)
        processes = [
            subprocess.Popen(
                (COMMAND, "run", "sharing", "--until", f"s{each}"),
                cwd=self.root,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for each in range(self.runs)
        ]
        said = [process.communicate()[1] for process in processes]
        errors = tuple(
            text[-2000:]
            for process, text in zip(processes, said, strict=True)
            if process.returncode
        )
        lines = self.lines.read_text(encoding="utf-8") if self.lines.exists() else ""
        return Round(errors=errors, done=len(lines.splitlines()))


def _project(root: Path, name: str, steps: str) -> None:
    folder = root / "pipelines" / name
    folder.mkdir(parents=True, exist_ok=True)
    (root / "mlgitops.yaml").write_text(_PROJECT, encoding="utf-8")
    (root / ".gitignore").write_text(".mlgitops/\n", encoding="utf-8")
    text = _HEAD.format(name=name) + steps
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    commit(root)


def _environment() -> dict[str, str]:
    """Return this environment without what would change what is measured."""
    dropped = ("GIT_", "MLGITOPS_", "GITHUB_", "CI", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


def as_text(report: Report) -> str:
    """Return one line for each promise."""
    lines = [
        f"{SLEEPERS} steps of a second, --jobs {SLEEPERS}: {report.seconds:.2f} s"
        f" (fastest {report.fastest:.2f} s; under {SECONDS:g} s)",
        f"runs at once over a shared step: {report.failed} of {report.runs} failed",
        f"works done: {report.done} for {report.works} that there were to do",
    ]
    if report.said:
        lines += ["the first that failed said:", report.said]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
