"""Steps side by side, and whole runs side by side over a step that all of them need."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import RunCli, commit

PROJECT = "apiVersion: mlgitops/v1\nkind: Project\nname: sharing\n"
HEAD = "apiVersion: mlgitops/v1\nkind: Pipeline\nname: sharing\nsteps:\n"
STEPS = 8
RUNS = 6
ROUNDS = 3


def project(root: Path, steps: str) -> None:
    files = {
        "mlgitops.yaml": PROJECT,
        ".gitignore": ".mlgitops/\n",
        "pipelines/sharing/pipeline.yaml": HEAD + steps,
        "pipelines/sharing/source.txt": "start\n",
    }
    commit(root, files, "Start")


def test_as_many_steps_run_at_once_as_jobs_says(
    repo: Path, tmp_path: Path, run_cli: RunCli
) -> None:
    # Each step waits until all of them are there: one at a time, they would wait for ever.
    there = tmp_path / "there"
    there.mkdir()
    wait = f"touch {there}/$0; until [ $(ls {there} | wc -l) = {STEPS} ]; do sleep 0.02; done"
    project(
        repo,
        "".join(
            f"  - name: s{number}\n"
            f'    command: [sh, -c, "{wait}; echo $0 > $1", "{number}", "{{outputs.out}}"]\n'
            "    outputs: {out: text}\n"
            "    timeout: 60s\n"
            for number in range(STEPS)
        ),
    )
    done = run_cli(["run", "--jobs", str(STEPS)], repo)
    assert done.returncode == 0, done.stderr


def test_runs_at_once_over_a_shared_step_all_succeed_and_do_each_work_once(
    repo: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "lines"
    project(
        repo,
        "  - name: shared\n"
        f'    command: [sh, -c, "echo shared >> {lines}; sleep 0.1; cp $0 $1",'
        ' "{inputs.source}", "{outputs.data}"]\n'
        "    inputs: {source: {file: source.txt}}\n"
        "    outputs: {data: bytes}\n"
        + "".join(
            f"  - name: s{number}\n"
            f'    command: [sh, -c, "echo s{number} >> {lines}; cp $0 $1",'
            ' "{inputs.data}", "{outputs.out}"]\n'
            "    inputs: {data: shared.data}\n"
            "    outputs: {out: bytes}\n"
            for number in range(RUNS)
        ),
    )
    for number in range(ROUNDS):
        (repo / "pipelines/sharing/source.txt").write_text(f"round {number}\n")
        lines.unlink(missing_ok=True)
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "mlgitops", "run", "sharing", "--until", f"s{each}"],
                cwd=repo,
                env=os.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for each in range(RUNS)
        ]
        said = [run.communicate(timeout=120)[0] for run in runs]
        assert [run.returncode for run in runs] == [0] * RUNS, "\n".join(said)
        assert sorted(lines.read_text().split()) == sorted(
            ["shared", *(f"s{each}" for each in range(RUNS))]
        )
