"""Every verb fails the same way: one exit code, one place for words, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlgitops.cli import main
from tests.core.test_rules import base
from tests.support import RunCli, commit, git

PIPELINE = "pipelines/churn/pipeline.yaml"
MISTAKES = {
    "unreadable": ("steps:", "steps: ["),
    "wrong": ("  - name: features\n", "  - name: features\n    retires: 2\n"),
}
# One call of each verb that reads the specs.
VERBS = (
    "plan",
    "run",
    "refresh churn",
    "release churn",
    "render --check",
    "promote churn --to dev",
    "verify",
    "rollback churn --env prod --reason x",
    "hold churn --env prod --reason x",
    "monitor churn --env prod",
    "retrain churn",
)


def repository(root: Path, mistake: str) -> Path:
    """The good repository of the rules with one mistake in its pipeline, committed."""
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    files = {path: data.decode() for path, data in base().items()}
    old, new = MISTAKES[mistake]
    assert old in files[PIPELINE]
    commit(root, {**files, PIPELINE: files[PIPELINE].replace(old, new)})
    return root


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("repositories")
    return {mistake: repository(top / mistake, mistake) for mistake in MISTAKES}


@pytest.mark.parametrize(("mistake", "code"), [("unreadable", 2), ("wrong", 1)])
@pytest.mark.parametrize("words", VERBS)
def test_a_spec_that_cannot_be_read_is_2_and_one_that_is_wrong_is_1(
    words: str,
    mistake: str,
    code: int,
    repositories: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["-C", str(repositories[mistake]), *words.split()]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: the specs have 1 error:\n  {PIPELINE}:"), err
    assert err.endswith("hint: 'mlgitops validate' shows all of them with the lines\n")


@pytest.mark.parametrize(("mistake", "code"), [("kind: [", 2), ("surprise: 1", 1)])
def test_the_same_holds_for_the_settings_of_the_project(
    mistake: str, code: int, tmp_path: Path, run_cli: RunCli
) -> None:
    root = repository(tmp_path / "repo", "wrong")
    with (root / "mlgitops.yaml").open("a") as stream:
        stream.write(f"{mistake}\n")
    done = run_cli(["plan"], root)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("mlgitops.yaml:")


def test_with_json_an_error_is_one_document_too(
    repositories: dict[str, Path], tmp_path: Path, run_cli: RunCli
) -> None:
    done = run_cli(["plan", "--json"], repositories["wrong"])
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["exit_code"]) == (1, 1)
    assert error["message"].startswith("the specs have 1 error:")
    assert error["hint"] == "'mlgitops validate' shows all of them with the lines"
    assert done.stderr.startswith("error: the specs have 1 error:")
    outside = run_cli(["validate", "--format", "json"], tmp_path)
    assert json.loads(outside.stdout)["error"]["exit_code"] == outside.returncode == 8


def test_an_error_at_a_place_says_so_in_json(tmp_path: Path, run_cli: RunCli) -> None:
    root = repository(tmp_path / "repo", "wrong")
    (root / "mlgitops.yaml").write_text("a: [\n")
    error = json.loads(run_cli(["status", "--local", "--json"], root).stdout)["error"]
    assert (error["path"], error["line"], error["column"]) == ("mlgitops.yaml", 1, 4)


def test_what_a_repository_wrote_does_not_steer_the_terminal_of_an_error(
    tmp_path: Path, run_cli: RunCli
) -> None:
    root = repository(tmp_path / "repo", "wrong")
    (root / "mlgitops.yaml").write_text('kind: "\\e]0;owned\\a\\e[2J"\n')
    done = run_cli(["plan"], root)
    assert done.returncode in (1, 2)
    assert not set(done.stdout + done.stderr) & {"\x1b", "\x07"}


def called(
    words: list[str], root: Path, shell: str = '"$@"', **env: str
) -> subprocess.CompletedProcess[bytes]:
    """What a shell makes of `python -m mlgitops WORDS`, which stands for `"$@"` in it."""
    return subprocess.run(
        ["bash", "-c", shell, "bash", sys.executable, "-m", "mlgitops", *words],
        cwd=root,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )


@pytest.mark.parametrize("words", ["validate", "validate --format json", "--help", "plan"])
@pytest.mark.parametrize("shell", ['"$@" >&-', '"$@" 2>&-', '"$@" >&- 2>&-'])
def test_a_closed_stream_changes_nothing(
    words: str, shell: str, repositories: dict[str, Path]
) -> None:
    done = called(words.split(), repositories["wrong"], shell)
    assert done.returncode == (0 if words == "--help" else 1)
    assert b"Traceback" not in done.stdout + done.stderr


def test_a_reader_that_has_enough_does_not_change_the_exit_code(
    repositories: dict[str, Path],
) -> None:
    shell = '"$@" | true; echo ${PIPESTATUS[0]}'
    for words in (["validate"], ["validate", "--format", "sarif"]):
        done = called(words, repositories["wrong"], shell)
        assert (done.stdout, done.stderr) == (b"1\n", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_an_output_that_cannot_be_written_is_said(repositories: dict[str, Path]) -> None:
    for words in (["validate"], ["validate", "--format", "json"]):
        done = called(words, repositories["wrong"], '"$@" >/dev/full')
        assert done.returncode == 8
        assert done.stderr == b"error: cannot write the output: No space left on device\n"


def test_a_terminal_without_unicode_shows_what_it_can_and_programs_get_utf_8(
    tmp_path: Path,
) -> None:
    root = repository(tmp_path / "repo", "wrong")
    text = (root / PIPELINE).read_text().replace("retires", "wiederholungen·名")
    (root / PIPELINE).write_text(text, "utf-8")
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = called(["validate"], root, **ascii_only)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"wiederholungen\\xb7\\u540d" in done.stdout
    for format in ("json", "sarif", "junit", "github"):
        done = called(["validate", "--format", format], root, **ascii_only)
        assert (done.returncode, done.stderr) == (1, b"")
        assert "wiederholungen·名" in done.stdout.decode("utf-8")
    assert called(["--help"], root, **ascii_only).returncode == 0
    assert called(["plan"], root, **ascii_only).returncode == 1


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_broken_pipeline_does_not_hide_what_runs_where(repositories, mistake, capsys):
    assert main(["-C", str(repositories[mistake]), "status", "--local", "--json"]) == 0
    assert [one["model"] for one in json.loads(capsys.readouterr().out)["models"]] == ["churn"]
