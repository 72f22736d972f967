"""`validate --since REV`: what a branch changed, committed or not, and what depends on that."""

import os
import sys
from pathlib import Path

import pytest

from tests.support import RunCli, commit, git

BASE = Path(__file__).parents[1] / "data/rules/_base"
FILES = {p.relative_to(BASE).as_posix(): p.read_text() for p in BASE.rglob("*") if p.is_file()}
PIPELINE = "pipelines/churn/pipeline.yaml"
MODEL = "pipelines/churn/model.yaml"
OTHER = "pipelines/other/pipeline.yaml"
WRONG = FILES[PIPELINE].replace("name: churn", "name: other").replace("train:fit", "train:fitt")


@pytest.fixture
def project(repo: Path) -> Path:
    """A repository in which something is wrong on main already, and a branch of it."""
    commit(repo, {**FILES, OTHER: WRONG, "pipelines/other/train.py": "def fit(): ...\n"})
    git(repo, "switch", "--quiet", "-c", "change")
    return repo


def edit(root: Path, path: str, before: str, after: str) -> None:
    file = root / path
    assert file.read_text().count(before) == 1
    file.write_text(file.read_text().replace(before, after))


def found(run_cli: RunCli, root: Path, since: str = "main") -> list[str]:
    """Return `path [rule]` of each error since a revision."""
    done = run_cli(["validate", "--quiet", "--since", since], root)
    assert done.returncode in (0, 1), done.stderr
    lines = [line for line in done.stdout.splitlines() if ": error[" in line]
    assert bool(lines) == bool(done.returncode)
    return [f"{line.split(':')[0]} {line.split('[')[1].split(']')[0]}" for line in lines]


def test_what_was_wrong_before_is_left_alone(project: Path, run_cli: RunCli) -> None:
    assert run_cli(["validate"], project).returncode == 1
    assert found(run_cli, project) == []
    edit(project, PIPELINE, "seed: 7", "seed: 8")
    assert found(run_cli, project) == []


def test_a_file_that_is_not_touched_is_wrong_by_the_change(project: Path, run_cli: RunCli) -> None:
    edit(project, PIPELINE, "test: parquet", "tests: parquet")
    assert found(run_cli, project) == [f"{MODEL} model-artifact-exists"]


@pytest.mark.parametrize("how", ["work tree", "index", "commit", "two commits"])
def test_a_change_is_seen_wherever_it_stands(project: Path, run_cli: RunCli, how: str) -> None:
    edit(project, PIPELINE, "train:fit", "train:fut")
    if how != "work tree":
        git(project, "add", "--all")
    if "commit" in how:
        git(project, "commit", "--quiet", "-m", "change")
    if how == "two commits":
        commit(project, {"notes.md": "words\n"})
    assert found(run_cli, project) == [f"{PIPELINE} function-exists"]


def test_a_new_file_that_git_does_not_know_yet_is_looked_at(project: Path, run_cli: RunCli) -> None:
    path = project / "environments/late/environment.yaml"
    path.parent.mkdir()
    path.write_text(FILES["environments/dev/environment.yaml"])
    assert "environments/late/environment.yaml name-matches-folder" in found(run_cli, project)


def test_a_deleted_file_leaves_what_names_it(project: Path, run_cli: RunCli) -> None:
    (project / "pipelines/churn/train.py").unlink()
    assert found(run_cli, project) == [f"{PIPELINE} function-exists"]
    git(project, "rm", "--quiet", "-r", "--cached", "pipelines/churn")
    assert found(run_cli, project) == [f"{PIPELINE} function-exists"]


def test_what_others_did_on_main_meanwhile_is_no_change_of_this_branch(
    project: Path, run_cli: RunCli
) -> None:
    commit(project, {"notes.md": "words\n"})
    git(project, "switch", "--quiet", "main")
    commit(project, {OTHER: WRONG.replace("seed: 7", "seed: 9")})
    git(project, "switch", "--quiet", "change")
    assert found(run_cli, project) == []


def test_a_change_of_an_environment_is_a_change_for_every_model(
    project: Path, run_cli: RunCli
) -> None:
    path = "environments/prod/environment.yaml"
    (project / path).write_text(FILES[path] + "# looked at\n")
    assert f"{OTHER} function-exists" in found(run_cli, project)


def test_two_that_share_no_history_are_compared_as_they_are(project: Path, run_cli: RunCli) -> None:
    git(project, "switch", "--quiet", "--orphan", "fresh")
    commit(project, FILES)
    assert found(run_cli, project) == []


def test_a_clone_that_is_cut_off_is_compared_all_the_same(
    project: Path, run_cli: RunCli, tmp_path: Path
) -> None:
    edit(project, PIPELINE, "train:fit", "train:fut")
    git(project, "commit", "--quiet", "-am", "change")
    shallow = tmp_path / "shallow"
    cut = ("--depth=1", "--no-single-branch")
    git(project, "clone", "--quiet", *cut, f"file://{project}", str(shallow))
    assert f"{PIPELINE} function-exists" in found(run_cli, shallow, "origin/main")


def test_a_revision_that_is_not_there_is_said(project: Path, run_cli: RunCli) -> None:
    done = run_cli(["validate", "--since", "mian"], project)
    assert done.returncode == 2
    assert "there is no revision 'mian'" in done.stderr


@pytest.mark.parametrize("revision", ["--output=x", "-n1", "", "main..change", "HEAD:notes.md"])
def test_a_revision_is_never_an_option(project: Path, run_cli: RunCli, revision: str) -> None:
    done = run_cli(["validate", f"--since={revision}"], project)
    assert done.returncode == 2, done.stdout
    assert not (project / "x").exists()


def test_what_is_looked_at_is_said(project: Path, run_cli: RunCli) -> None:
    def said(*args: str) -> str:
        return run_cli(["validate", "--since", "main", *args], project).stderr

    assert said() == "since main: nothing was changed\n"
    edit(project, PIPELINE, "seed: 7", "seed: 8")
    assert said() == "since main: 1 file was changed; looking at 7 specs\n"
    (project / "mlgitops.yaml").write_text(FILES["mlgitops.yaml"] + "# new\n")
    assert said() == "since main: 2 files were changed, and every spec may depend on that\n"
    assert said("--quiet") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
@pytest.mark.parametrize("name", [b"x\xff", b"x\ny"])
def test_a_file_whose_folder_has_a_name_that_is_no_text_is_looked_at(
    name: bytes, project: Path, run_cli: RunCli
) -> None:
    folder = project / "pipelines" / os.fsdecode(name)
    folder.mkdir()
    (folder / "pipeline.yaml").write_text("kind: Pipeline\nname: [\n")
    assert len(found(run_cli, project)) == 1
