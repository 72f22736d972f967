"""Init: a repository that validates, runs and releases before anybody writes a line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlgitops.cli import main
from mlgitops.core.errors import Refused, UsageError
from mlgitops.core.workspaces import load
from mlgitops.files import WorkTree
from mlgitops.flow.init import init
from tests.support import commit, git, write


def tool(name: str, *args: str, cwd: Path) -> None:
    command = [str(Path(sys.executable).with_name(name)), *args]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_folder_becomes_a_repository_with_sound_specs(tmp_path):
    done = init(tmp_path / "Churn EU")
    assert done.created
    checked = load(WorkTree(done.root))
    # The first run pins what the source brought in; until then the specs can only say so.
    assert [finding.rule for finding in checked.findings] == ["snapshot-missing"]
    assert checked.workspace is not None
    assert checked.workspace.project.spec.name == "churn-eu"
    assert list(checked.workspace.models) == ["tumour-check"]
    assert set(checked.workspace.environments) == {"dev", "staging", "prod"}
    assert git(done.root, "symbolic-ref", "--short", "HEAD") == "main"


def test_running_it_again_changes_nothing(tmp_path):
    first = init(tmp_path / "x")
    again = init(tmp_path / "x")
    assert (again.written, again.extended, again.created) == ((), (), False)
    assert len(first.written) == len(set(first.written)) > 10


def test_files_in_the_way_are_named_and_nothing_is_written(tmp_path):
    write(tmp_path, {"mlgitops.yaml": "mine\n", "environments/dev/environment.yaml": "mine\n"})
    with pytest.raises(Refused) as refused:
        init(tmp_path)
    assert refused.value.message.endswith("environments/dev/environment.yaml, mlgitops.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["environments", "mlgitops.yaml"]
    assert (tmp_path / "mlgitops.yaml").read_text() == "mine\n"


def test_a_link_in_the_way_is_not_written_through(tmp_path):
    outside = tmp_path / "outside.yaml"
    (tmp_path / "x").mkdir()
    (tmp_path / "x/mlgitops.yaml").symlink_to(outside)
    with pytest.raises(Refused, match=r"mlgitops\.yaml"):
        init(tmp_path / "x")
    assert not outside.exists()


def test_an_existing_repository_keeps_its_branch_and_its_ignored_files(repo):
    git(repo, "branch", "--move", "trunk")
    commit(repo, {".gitignore": "*.log\n.venv"})
    done = init(repo, name="mine")
    assert (done.created, done.extended) == (False, (".gitignore",))
    text = (repo / ".gitignore").read_text()
    assert text.splitlines()[:2] == ["*.log", ".venv"]
    assert "/.mlgitops/" in text.splitlines()
    workspace = load(WorkTree(repo)).workspace
    assert workspace is not None
    assert workspace.project.spec.defaults.branch == "trunk"
    assert init(repo, name="mine").extended == ()


def test_a_folder_inside_a_repository_is_refused_for_a_project_is_a_whole_one(repo):
    with pytest.raises(UsageError, match="is inside the repository"):
        init(repo / "ml")
    assert not (repo / "ml").exists()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"name": "Churn EU"}, "lower-case letters, digits and '-', like churn-eu"),
        ({"name": "§"}, "lower-case letters, digits and '-'"),
        ({"owner": "acme/ml\n* @evil"}, "write @person, @org/team or an email"),
        ({"owner": "nobody"}, "write @person, @org/team or an email"),
    ],
)
def test_a_name_or_owner_that_cannot_be_written_down_is_a_usage_error(tmp_path, options, hint):
    with pytest.raises(UsageError) as refused:
        init(tmp_path / "x", **options)
    assert refused.value.hint == hint
    assert not (tmp_path / "x").exists()


def test_the_owner_stands_wherever_somebody_has_to_review(tmp_path):
    done = init(tmp_path / "x", owner="@acme/ml")
    owners = (done.root / ".github/CODEOWNERS").read_text()
    assert "@your-org" not in owners
    assert "/environments/prod/      @acme/ml" in owners.splitlines()
    text = (done.root / "pipelines/tumour-check/pipeline.yaml").read_text()
    assert 'owners: ["@acme/ml"]' in text


def test_the_workflow_is_clean_under_the_linters_and_pins_what_this_repository_pins(tmp_path):
    root = init(tmp_path / "x").root
    workflow = ".github/workflows/mlgitops.yml"
    tool("actionlint", "-no-color", workflow, cwd=root)
    tool("zizmor", "--offline", "--no-progress", "--quiet", workflow, cwd=root)
    tool(
        *("check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow),
        cwd=root,
    )
    ours = "".join(
        path.read_text() for path in (Path(__file__).parents[2] / ".github/workflows").iterdir()
    )
    pinned = [line.strip() for line in (root / workflow).read_text().splitlines() if "@" in line]
    assert len(pinned) == 2
    for line in pinned:
        assert line.removeprefix("- ").partition(" #")[0] in ours


def test_the_code_of_the_example_is_clean(tmp_path):
    root = init(tmp_path / "x").root
    rules = ("--isolated", "--line-length=100", "--select=E,F,I,B,UP,RUF")
    tool("ruff", "check", *rules, "pipelines", cwd=root)
    tool("ruff", "format", "--check", "--isolated", "--line-length=100", "pipelines", cwd=root)


def test_what_it_scaffolds_validates_runs_and_releases(tmp_path, capsys):
    """The story that its own last lines tell: commit, validate, run, and on to a release."""

    def call(*args: str, at: Path) -> str:
        code = main(["-C", str(at), *args])
        out, err = capsys.readouterr()
        assert code == 0, out + err
        return out

    told = call("init", "new", "--owner", "@acme/ml", at=tmp_path)
    root = tmp_path / "new"
    assert told.splitlines()[-3:] == [
        "  git add --all && git commit -m 'Start'",
        "  mlgitops validate",
        "  mlgitops run",
    ]
    commit(root, {}, "Start")
    call("validate", at=root)
    call("run", at=root)
    assert git(root, "status", "--porcelain") == "?? pipelines/tumour-check/snapshots/"
    commit(root, {}, "Pin the first snapshot")
    plan = json.loads(call("plan", "--json", at=root))
    assert {step["action"] for step in plan["steps"]} == {"reuse"}
    call("release", "tumour-check", at=root)
    assert git(root, "tag") == "tumour-check@v1.0.0"
    call("promote", "tumour-check", "--to", "dev", at=root)
    call("render", "--check", at=root)
    status = json.loads(call("status", "--json", at=root))
    (model,) = status["models"]
    assert (model["released"], model["environments"]["dev"]["state"]) == ("1.0.0", "promoting")
