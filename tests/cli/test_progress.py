"""How a run is shown: live on a terminal, in lines elsewhere, in groups in a GitHub job."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlgitops.cli.live import Scene, clock, rows_of, status_of, tail
from mlgitops.cli.progress import live
from mlgitops.core import events
from mlgitops.report.groups import grouped
from tests.flow.conftest import FILES, edit
from tests.support import RunCli, commit

SLOW = "    import time; time.sleep(1.5)\n    return"


@pytest.fixture
def root(repo: Path) -> Path:
    commit(repo, FILES, "Add the tiny pipeline")
    return repo


def on_a_terminal(root: Path, *words: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Runs mlgitops with standard error on a terminal; its exit code and what was seen there."""
    ours, theirs = pty.openpty()
    given = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", **(env or {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlgitops", *words],
        cwd=root,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:
            break
        if not data:
            break
        seen += data
    os.close(ours)
    return process.wait(60), seen.decode()


def test_in_a_pipe_what_is_reused_is_only_counted(root: Path, run_cli: RunCli) -> None:
    assert "tiny.rows: started: " in run_cli(["run"], root).stderr
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    lines = run_cli(["run"], root).stderr.splitlines()
    assert lines[0] == "tiny.train: started: param seed 7 → 8"
    assert lines[1].startswith("tiny.train: done in ")
    assert lines[2].startswith("1 step ran, 2 reused, in ")
    assert run_cli(["run"], root).stderr == "nothing to do: 3 steps are up to date\n"
    assert "tiny.rows: reused\n" in run_cli(["run", "-v"], root).stderr
    assert run_cli(["run", "--force", "--quiet"], root).stderr == ""


def test_on_a_terminal_what_runs_is_seen_and_then_gone(root: Path) -> None:
    edit(root, "train.py", "    return", SLOW)
    code, seen = on_a_terminal(root, "run")
    assert code == 0
    assert "tiny.train  " in seen
    assert "2/3 steps, 2 done" in seen
    assert "\x1b[?25l" in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen).splitlines()[-1]
    assert "3 steps ran, 0 reused, in " in last


def test_on_a_terminal_a_run_that_is_over_at_once_draws_nothing(
    root: Path, run_cli: RunCli
) -> None:
    run_cli(["run"], root)
    assert on_a_terminal(root, "run")[1] == "nothing to do: 3 steps are up to date\r\n"


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"COLUMNS": "30"}])
def test_a_terminal_that_cannot_be_drawn_on_gets_lines(root: Path, env: dict[str, str]) -> None:
    code, seen = on_a_terminal(root, "run", env=env)
    assert code == 0
    assert "tiny.train: started: never ran" in seen
    assert "\x1b" not in seen


def test_on_a_terminal_a_failure_leaves_it_as_it_was(root: Path) -> None:
    edit(
        root,
        "train.py",
        "    return",
        "    print('loss is nan')\n    raise ValueError('no')\n" + SLOW,
    )
    code, seen = on_a_terminal(root, "run", env={"COLUMNS": "50"})
    assert code == 7
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h")
    assert "tiny.train: failed" in seen
    assert "loss is nan" in seen


def test_in_a_github_job_each_step_is_a_group(root: Path, run_cli: RunCli) -> None:
    github = {"GITHUB_ACTIONS": "true"}
    edit(root, "train.py", "    return", "    print('::error::fooled')\n    return")
    seen = run_cli(["run"], root, env=github).stderr.splitlines()
    start = next(n for n, line in enumerate(seen) if line.startswith("::group::tiny.train: done"))
    assert re.fullmatch(r"::stop-commands::[0-9a-f]{32}", seen[start + 1])
    assert seen[start + 2] == "::error::fooled"
    assert seen[start + 3] == f"::{seen[start + 1].rpartition('::')[2]}::"
    assert seen[start + 4] == "::endgroup::"
    edit(root, "helper.py", "'count'", "'cuont'")
    failed = run_cli(["run"], root, env=github)
    assert failed.returncode == 7
    (line,) = [one for one in failed.stderr.splitlines() if one.startswith("::error ")]
    assert line.startswith(
        "::error file=pipelines/tiny/helper.py,line=2,title=tiny.features failed::"
    )
    assert "::group::tiny.features: failed" in failed.stderr


def test_a_name_cannot_end_its_command() -> None:
    event = events.StepFailed(name="a,b:c\n::error::x", message="it%\nbroke")
    *_, last = grouped(event, "", "token")
    assert last == "::error title=a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ax failed::it%25"


def test_the_scene_counts_what_happened() -> None:
    scene = Scene(started=0.0)
    scene.take(events.RunStarted(total=3, jobs=2), 0.0)
    scene.take(events.StepReused(name="p.a"), 0.0)
    scene.take(events.StepsFound(name="p.b", count=3), 0.0)
    scene.take(events.StepStarted(name="p.b[1]", because=(), usual=65.0), 1.0)
    scene.take(events.StepStarted(name="p.b[2]", because=()), 2.0)
    scene.take(events.StepRetrying(name="p.b[2]", attempt=1, wait=2.0), 3.0)
    assert rows_of(scene, 4.0, 5) == [
        "p.b[1]  3.0 s, last time 1:05",
        "p.b[2]  2.0 s (attempt 1 failed)",
    ]
    assert rows_of(scene, 4.0, 1)[1] == "and 1 more"
    scene.take(events.StepDone(name="p.b[1]", seconds=0.5), 5.0)
    scene.take(
        events.StepFailed(name="p.b[2]", message="x\n\nwhat it printed (log):\n  1\n  2"), 5.0
    )
    assert list(scene.news) == ["p.b[2]: failed", "  1", "  2"]
    assert status_of(scene, 3725.0) == "3/5 steps, 1 done, 1 reused, 1 failed, 1:02:05"


def test_small_things() -> None:
    assert (clock(3.21), clock(125), clock(3725)) == ("3.2 s", "2:05", "1:02:05")
    assert tail("no log") == ()
    assert live(True, 80, "xterm")
    assert not live(False, 80, "xterm")
    assert not live(True, 80, None)
