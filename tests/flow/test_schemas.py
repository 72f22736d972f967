"""Every clone finds the schemas that its specs name, and they follow the installed mlgitops."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlgitops.cli import main
from mlgitops.core import errors
from mlgitops.core.schemas import FILES
from mlgitops.flow.init import init
from mlgitops.flow.schemas import FOLDER, refresh, write_schemas
from tests.support import commit, git, write

ROOT = Path(__file__).parents[2]
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")
SPECS = ("mlgitops.yaml", "pipelines/*/*.yaml", "environments/*/environment.yaml")


def specs(root: Path) -> list[Path]:
    return sorted(path for pattern in SPECS for path in root.glob(pattern))


def named(spec: Path) -> Path:
    """The schema that the first line of a spec names."""
    found = MODELINE.fullmatch(spec.read_text("utf-8").splitlines()[0])
    assert found is not None, f"{spec} names no schema in its first line"
    return (spec.parent / found[1]).resolve()


def check_jsonschema(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--no-cache", *args]
    return subprocess.run([str(one) for one in command], capture_output=True, text=True)


@pytest.fixture(scope="module")
def scaffold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init(tmp_path_factory.mktemp("scaffold") / "churn").root


# -- the first line of a spec -----------------------------------------------------------------


def test_every_spec_of_the_example_names_the_schema_of_its_kind():
    assert len(specs(ROOT)) == 8
    for spec in specs(ROOT):
        kind = "project" if spec.name == "mlgitops.yaml" else spec.stem
        assert named(spec) == ROOT / FOLDER / f"{kind}.json"


def test_what_init_writes_names_schemas_that_are_there(scaffold):
    assert len(specs(scaffold)) == 6
    for spec in specs(scaffold):
        one = json.loads(named(spec).read_text("utf-8"))
        kind = "project" if spec.name == "mlgitops.yaml" else spec.stem
        assert one["$id"] == f"urn:mlgitops:v1:{kind}"
    assert git(scaffold, "status", "--porcelain", "--untracked-files=all", FOLDER) == ""


def test_a_first_line_for_editors_runs_nothing_again(repo, capsys):
    def planned() -> list[tuple[str, str | None]]:
        assert main(["-C", str(repo), "plan", "bike-demand", "--json"]) == 0
        steps = json.loads(capsys.readouterr().out)["steps"]
        return [(step["step"], step["key"]) for step in steps]

    shutil.copytree(ROOT / "pipelines/bike-demand", repo / "pipelines/bike-demand")
    pipeline = repo / "pipelines/bike-demand/pipeline.yaml"
    commit(repo, {"mlgitops.yaml": (ROOT / "mlgitops.yaml").read_text("utf-8")})
    with_line = planned()
    pipeline.write_text(pipeline.read_text("utf-8").partition("\n")[2], "utf-8")
    assert planned() == with_line
    assert dict(with_line)["rides"] is not None


# -- the real check-jsonschema ----------------------------------------------------------------


def test_check_jsonschema_accepts_every_schema(tmp_path):
    names = write_schemas(tmp_path)
    done = check_jsonschema("--check-metaschema", *(tmp_path / name for name in names))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name.removesuffix(".json") for name in names} == {*FILES, "release", "spec"}


def test_check_jsonschema_accepts_the_example_and_the_scaffold(tmp_path, scaffold):
    write_schemas(tmp_path)
    for kind in FILES:
        pattern = FILES[kind].replace("/contracts/<data>", "/contracts/*")
        pattern = re.sub(r"<\w+>", "*", pattern)
        files = [path for root in (ROOT, scaffold) for path in root.glob(pattern)]
        if files:
            done = check_jsonschema("--schemafile", tmp_path / f"{kind}.json", *files)
            assert done.returncode == 0, done.stdout + done.stderr
    everything = [path for root in (ROOT, scaffold) for path in specs(root)]
    done = check_jsonschema("--schemafile", tmp_path / "spec.json", *everything)
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_jsonschema_names_what_is_wrong_in_a_file(tmp_path):
    write_schemas(tmp_path)
    text = (ROOT / "pipelines/bike-demand/pipeline.yaml").read_text("utf-8")
    wrong = text.replace("timeout: 10m", "timeout: 10 minutes\n    retrys: 2")
    write(tmp_path, {"pipeline.yaml": wrong.replace("steps:\n", "stps: []\nsteps:\n")})
    done = check_jsonschema(
        "--schemafile", tmp_path / "pipeline.json", "-o", "json", tmp_path / "pipeline.yaml"
    )
    assert done.returncode == 1
    told = {(one["path"], one["message"]) for one in json.loads(done.stdout)["errors"]}
    [duration] = [message for path, message in told if path == "$.steps[2].timeout"]
    assert duration.startswith("'10 minutes' does not match")
    assert any("'retrys' was unexpected" in message for _, message in told)
    assert any("'stps' was unexpected" in message for _, message in told)


# -- they follow the tool ---------------------------------------------------------------------


def project(root: Path) -> Path:
    text = "apiVersion: mlgitops/v1\nkind: Project\nname: x\n"
    commit(root, {"mlgitops.yaml": text})
    return root


def test_validate_writes_the_schemas_that_a_fresh_clone_has_not(repo, capsys):
    project(repo)
    assert main(["-C", str(repo), "validate"]) == 0
    assert (repo / FOLDER / "pipeline.json").is_file()
    assert git(repo, "status", "--porcelain", "--untracked-files=all", FOLDER) == ""


def test_schemas_of_another_version_are_written_again_and_up_to_date_ones_are_not(repo):
    project(repo)
    assert refresh(repo)
    written = (repo / FOLDER / "pipeline.json").stat()
    assert not refresh(repo)
    assert (repo / FOLDER / "pipeline.json").stat() == written
    (repo / FOLDER / "pipeline.json").write_text("{}")
    (repo / FOLDER / ".version").write_text("0.0.1 of long ago\n")
    assert refresh(repo)
    assert "Pipeline" in json.loads((repo / FOLDER / "pipeline.json").read_text())["$defs"]


def test_where_nothing_can_be_written_validate_goes_on(repo, capsys):
    project(repo)
    (repo / ".mlgitops").write_text("a file in the way\n")
    assert not refresh(repo)
    assert main(["-C", str(repo), "validate"]) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
def test_a_read_only_checkout_is_left_alone(repo):
    project(repo)
    repo.chmod(0o555)
    try:
        assert not refresh(repo)
    finally:
        repo.chmod(0o755)


@pytest.mark.parametrize("link", [".mlgitops", FOLDER])
def test_a_link_in_a_repository_leads_no_file_out_of_it(repo, tmp_path, link):
    project(repo)
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo / link).parent.mkdir(exist_ok=True)
    (repo / link).symlink_to(outside, target_is_directory=True)
    assert not refresh(repo)
    assert not list(outside.iterdir())


def test_a_folder_that_is_no_project_gets_no_schemas(repo):
    assert not refresh(repo)
    assert not (repo / ".mlgitops").exists()


# -- the command ------------------------------------------------------------------------------


def test_the_command_prints_one_schema_or_lists_them(capsys):
    assert main(["schema", "Pipeline"]) == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:mlgitops:v1:pipeline"
    assert main(["schema", "--all"]) == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:mlgitops:v1:spec"
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["project", "mlgitops.yaml"]


def test_the_command_writes_them_where_it_is_told(repo, tmp_path, capsys):
    assert main(["-C", str(repo), "schema", "--write"]) == 0
    assert main(["-C", str(tmp_path), "schema", "--write", "mine"]) == 0
    ours, mine = sorted((repo / FOLDER).glob("*.json")), sorted((tmp_path / "mine").glob("*.json"))
    assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in mine]
    assert len(capsys.readouterr().out.splitlines()) == 2 * len(ours)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Pipelin"], "did you mean 'pipeline'?"),
        (["zebra"], "there are project, pipeline, model"),
        (["pin", "--all"], "not allowed"),
    ],
)
def test_a_kind_that_is_not_there_is_a_usage_error(words, told, capsys):
    assert main(["schema", *words]) == errors.UsageError.exit_code
    assert told in capsys.readouterr().err
