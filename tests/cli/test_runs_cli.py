"""runs and diff as they are typed: tables, JSON, Markdown, and the exit code."""

import json
from pathlib import Path

import pytest

from tests.flow.conftest import FILES, edit
from tests.support import Origin, RunCli, commit, git

TRAIN = """\
def fit(train, seed):
    auc = 0.5 + seed / 100
    return {"auc": {"value": auc, "low": auc - 0.01, "high": auc + 0.01}, "rows": len(train)}
"""


@pytest.fixture
def root(repo: Path, run_cli: RunCli) -> Path:
    """Two runs, the second with another seed."""
    commit(repo, {**FILES, "pipelines/tiny/train.py": TRAIN}, "Add the tiny pipeline")
    assert run_cli(["run"], repo).returncode == 0
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "Pin")
    edit(repo, "pipeline.yaml", "seed: 7", "seed: 20")
    assert run_cli(["run"], repo).returncode == 0
    return repo


def test_runs_are_listed_filtered_and_sorted(root: Path, run_cli: RunCli) -> None:
    head, new, old = run_cli(["runs"], root).stdout.splitlines()
    assert head.split() == [
        *("id", "at", "status", "pipeline", "commit", "branch", "who", "ran", "seconds"),
        *("params.seed", "train.model.auc", "train.model.rows"),
    ]
    assert "1/3" in new and "0.7 [0.69, 0.71]" in new and "* " in new
    assert "3/3" in old and "0.57 [0.56, 0.58]" in old
    good = run_cli(["runs", "tiny", "--where", "auc>0.6", "--json"], root)
    (one,) = json.loads(good.stdout)["runs"]
    assert one["metrics"]["tiny.train.model.auc"] == {"value": 0.7, "low": 0.69, "high": 0.71}
    assert one["steps"] == {"executed": 1, "reused": 2, "skipped": 0, "failed": 0}
    rows = run_cli(
        ["runs", "--sort", "auc", "--ascending", "--columns", "seed,auc", "--markdown"], root
    ).stdout.splitlines()
    assert rows[0] == "| id | seed | auc |"
    assert [row.split("|")[2].strip() for row in rows[2:]] == ["7", "20"]
    assert len(run_cli(["runs", "--last", "1"], root).stdout.splitlines()) == 2
    none = run_cli(["runs", "--since", "2001-01-01", "--where", "status=failed"], root)
    assert (none.returncode, none.stdout) == (0, "no run is recorded that fits\n")


def test_one_run_is_shown(root: Path, run_cli: RunCli) -> None:
    shown = run_cli(["runs", "show", "latest"], root).stdout
    assert "param seed 7 → 20" in shown
    assert "tiny.train.model.auc   0.7 [0.69, 0.71]" in shown
    steps = json.loads(run_cli(["runs", "show", "latest", "--json"], root).stdout)["steps"]
    assert [(one["step"], one["action"]) for one in steps] == [
        ("rows", "reuse"),
        ("features", "reuse"),
        ("train", "execute"),
    ]
    assert steps[1]["code"].keys() == {"features.py", "helper.py"}


def test_two_runs_are_compared(root: Path, run_cli: RunCli) -> None:
    shown = run_cli(["diff"], root)
    assert shown.returncode == 0
    assert "tiny.params.seed  7    20" in shown.stdout
    assert "0.57 [0.56, 0.58]  0.7 [0.69, 0.71]  +0.13  apart" in shown.stdout
    assert "1 metric is the same" in shown.stdout
    assert "tiny.train.model.rows" not in shown.stdout
    assert "tiny.train.model.rows" in run_cli(["diff", "--all"], root).stdout
    page = run_cli(["diff", "HEAD~1", "HEAD", "--format", "markdown"], root).stdout
    assert "### Metrics" in page
    assert "| tiny.params.seed | 7 | 20 |" in page
    value = json.loads(run_cli(["diff", "--format", "json"], root).stdout)
    assert value["params"] == [{"name": "tiny.params.seed", "old": 7, "new": 20}]
    assert value["code"] == []


def test_words_that_name_nothing_exit_2(root: Path, run_cli: RunCli) -> None:
    for words, said in {
        ("runs", "--where", "auk>1"): "did you mean 'auc'?",
        ("runs", "--where", "auc"): "'auc' is no condition",
        ("runs", "--sort", "nothing"): "no run has 'nothing'",
        ("runs", "--since", "soon"): "'soon' is no moment",
        ("runs", "tiny", "too"): "too many words",
        ("runs", "--save", "x"): "--save needs one run",
        ("runs", "--last", "0"): "1 or more",
        ("diff", "ffffff"): "neither a run nor a commit",
        ("diff", "latest~9"): "there are 2 runs",
    }.items():
        wrong = run_cli(list(words), root)
        assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr


def test_a_run_is_shared_when_it_is_asked_for(origin: Origin, run_cli: RunCli) -> None:
    commit(origin.clone, FILES, "Add the tiny pipeline")
    assert run_cli(["run", "--push"], origin.clone).returncode == 0
    (ref,) = git(origin.bare, "for-each-ref", "--format=%(refname)", "refs/mlgitops").splitlines()
    assert git(origin.bare, "rev-list", "--count", ref) == "1"
    hook = origin.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    refused = run_cli(["run", "--force", "--push"], origin.clone)
    assert refused.returncode == 0
    assert "note: the record of this run is not shared: origin refused the push" in refused.stderr
    assert run_cli(["runs", "--push"], origin.clone).returncode == 6
    hook.unlink()
    assert "shared 1 run\n" in run_cli(["runs", "--push"], origin.clone).stderr


def test_a_job_of_ci_is_named(root: Path, run_cli: RunCli) -> None:
    job = {
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "acme/churn",
        "GITHUB_RUN_ID": "7",
    }
    run_cli(["run", "--force"], root, env=job)
    shown = run_cli(["runs", "show", "latest"], root).stdout
    assert "job https://git.example/acme/churn/actions/runs/7" in shown
