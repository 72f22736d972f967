"""plan, run, refresh and fsck as they are typed: what is printed where, and the exit code."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.conftest import FILES, edit
from tests.support import RunCli, commit


@pytest.fixture
def root(repo: Path) -> Path:
    commit(repo, FILES, "Add the tiny pipeline")
    return repo


def steps(stdout: str) -> list[tuple[str, str, list[str]]]:
    return [(one["step"], one["action"], one["because"]) for one in json.loads(stdout)["steps"]]


def test_from_plan_to_nothing_to_do(root: Path, run_cli: RunCli) -> None:
    planned = run_cli(["plan"], root)
    assert planned.returncode == 0
    assert planned.stdout.endswith(
        "1 step would run, 2 will be decided by what that gives, 0 up to date\n"
    )
    first = run_cli(["run", "--json"], root)
    assert first.returncode == 0
    assert [(step, action) for step, action, _ in steps(first.stdout)] == [
        ("rows", "execute"),
        ("features", "execute"),
        ("train", "execute"),
    ]
    assert "tiny.train: done in" in first.stderr
    again = run_cli(["run"], root)
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr.splitlines()[-1] == "nothing to do: 3 steps are up to date"
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    changed = run_cli(["plan", "tiny", "--json"], root)
    assert steps(changed.stdout)[2] == ("train", "execute", ["param seed 7 → 8"])
    assert changed.stderr == ""

    blob = next(path for path in (root / ".mlgitops/store/blobs/sha256").iterdir())
    clean = run_cli(["fsck"], root)
    assert (clean.returncode, clean.stdout) == (0, "the store is clean\n")
    blob.chmod(0o644)
    blob.write_bytes(b"spoilt")
    spoilt = run_cli(["fsck", "--json"], root)
    assert spoilt.returncode == 1
    assert [blob.name in one["path"] for one in json.loads(spoilt.stdout)["defects"]] == [True]


def test_refresh_says_what_moved(root: Path, run_cli: RunCli) -> None:
    first = run_cli(["refresh", "tiny", "--as-of", "2025-12-11"], root)
    path = "pipelines/tiny/snapshots/rows.yaml"
    assert first.stdout == f"{path}: 10 rows as of 2025-12-11; commit it\n"
    second = run_cli(
        ["refresh", "tiny", "--source", "rows", "--as-of", "2025-12-15", "--json"], root
    )
    (moved,) = json.loads(second.stdout)["snapshots"]
    assert (moved["path"], moved["wrote"]) == (path, True)
    assert (moved["old"]["rows"], moved["new"]["rows"]) == (10, 14)
    bad = run_cli(["refresh", "tiny", "--as-of", "yesterday"], root)
    assert bad.returncode == 2
    assert "'yesterday' is no moment: write 2026-01-31" in bad.stderr


def test_a_failing_step_exits_7_with_the_way_to_repeat_it(root: Path, run_cli: RunCli) -> None:
    edit(root, "helper.py", "'count'", "'cuont'")
    failed = run_cli(["run"], root)
    assert failed.returncode == 7
    assert "error: tiny.features failed after" in failed.stderr
    assert 'File "pipelines/tiny/helper.py", line 2, in number' in failed.stderr
    assert failed.stderr.splitlines()[-1] == (
        "  hint: after a change, run it alone: mlgitops run tiny --until features"
    )


def test_words_that_cannot_work_exit_2(root: Path, run_cli: RunCli) -> None:
    assert run_cli(["run", "--jobs", "0"], root).returncode == 2
    wrong = run_cli(["plan", "tinny"], root)
    assert wrong.returncode == 2
    assert "hint: did you mean 'tiny'?" in wrong.stderr


def test_in_ci_a_missing_pin_exits_1(root: Path, run_cli: RunCli) -> None:
    refused = run_cli(["run"], root, env={"CI": "true"})
    assert refused.returncode == 1
    assert "there is no pipelines/tiny/snapshots/rows.yaml" in refused.stderr


def test_an_interrupt_exits_130_at_once_and_the_next_run_goes_on(
    root: Path, run_cli: RunCli
) -> None:
    edit(root, "features.py", "    values", "    import time; time.sleep(600)\n    values")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlgitops", "run"], cwd=root, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("tiny.features: started"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "interrupted; run the same command again to go on"
    assert list((root / ".mlgitops/store/tmp").iterdir()) == []
    edit(root, "features.py", "sleep(600)", "sleep(0)")
    assert steps(run_cli(["run", "--json"], root).stdout)[0][:2] == ("rows", "reuse")
