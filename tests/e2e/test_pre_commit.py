"""The real pre-commit runs our hooks: a commit that breaks a spec does not come to be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlgitops.flow.init import init
from tests.support import commit, git

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-hooks.yaml"


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with our hooks, which takes the installed mlgitops: tests install nothing."""
    root = tmp_path_factory.mktemp("hooks")
    git(root, "init", "--quiet", "--initial-branch=main")
    text = HOOKS.read_text("utf-8").replace("language: python", "language: system")
    commit(root, {HOOKS.name: text})
    return root


@pytest.fixture
def project(tmp_path: Path, hooks: Path) -> Path:
    root = init(tmp_path / "churn").root
    config = {
        "repos": [
            {
                "repo": str(hooks),
                "rev": git(hooks, "rev-parse", "HEAD"),
                "hooks": [{"id": "mlgitops-fix"}, {"id": "mlgitops-validate"}],
            }
        ]
    }
    commit(root, {".pre-commit-config.yaml": yaml.safe_dump(config)})
    return root


def pre_commit(project: Path, *args: str) -> tuple[int, str]:
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        [str(scripts / "pre-commit"), "run", "--color=never", *args],
        cwd=project,
        env={
            **os.environ,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(project.parent / "pre-commit"),
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def change(project: Path, path: str, before: str, after: str) -> None:
    text = (project / path).read_text("utf-8")
    assert before in text
    (project / path).write_text(text.replace(before, after), "utf-8")
    git(project, "add", "--all")


def test_what_init_wrote_passes_every_hook(project):
    code, told = pre_commit(project, "--all-files")
    assert code == 0, told
    assert told.count("Passed") == 2


def test_a_change_of_one_file_that_breaks_another_is_found(project):
    change(project, "pipelines/tumour-check/pipeline.yaml", "name: train\n", "name: training\n")
    code, told = pre_commit(project, "mlgitops-validate")
    assert code == 1
    assert "pipelines/tumour-check/model.yaml:7:" in told
    assert "model-artifact-exists" in told


def test_what_can_be_mended_is_mended_and_shown(project):
    change(project, "pipelines/tumour-check/pipeline.yaml", "timeout: 5m", "timeuot: 5m")
    code, told = pre_commit(project)
    assert code == 1
    assert "files were modified by this hook" in told
    assert "+    timeout: 5m" in git(project, "diff")
    git(project, "add", "--all")
    code, told = pre_commit(project, "--all-files")
    assert code == 0, told


@pytest.mark.parametrize(
    ("path", "looked"),
    [
        ("mlgitops.yaml", True),
        ("pipelines/tumour-check/train.py", True),
        ("environments/templates/compose/_part.j2", True),
        ("notes/mlgitops.yaml.md", False),
        ("README.md", False),
    ],
)
def test_the_hooks_look_at_what_validate_reads(project, path, looked):
    place = project / path
    place.parent.mkdir(parents=True, exist_ok=True)
    text = place.read_text("utf-8") if place.exists() else ""
    place.write_text(f"{text}\n" if path.endswith((".py", ".yaml")) else "text\n", "utf-8")
    git(project, "add", "--all")
    _, told = pre_commit(project, "mlgitops-validate")
    assert ("Skipped" not in told) is looked, told
