"""`mlgitops validate`: everything that is wrong, at once, for a person, a program and a forge."""

import json
import os
from pathlib import Path

import pytest

from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.release_documents import message
from mlgitops.files import WorkTree
from mlgitops.flow.facts import gather
from mlgitops.flow.validate import validate
from mlgitops.git import Repository
from mlgitops.report import findings as report
from mlgitops.report import github
from mlgitops.report.tables import ansi
from tests.core.facts import release_document
from tests.support import RunCli, commit, git

BASE = Path(__file__).parents[1] / "data/rules/_base"
FILES = {p.relative_to(BASE).as_posix(): p.read_text() for p in BASE.rglob("*") if p.is_file()}
THREE = (
    FILES["pipelines/churn/pipeline.yaml"]
    .replace("outputs: {model: estimator}", "outputs: {model: estimater}")
    .replace("  - name: features\n", "  - name: features\n    retires: 2\n")
    .replace("params: [months]", "params: months")
)


@pytest.fixture
def project(repo: Path) -> Path:
    commit(repo, FILES)
    return repo


def test_three_mistakes_in_one_spec_are_three_findings_in_one_run(
    project: Path, run_cli: RunCli
) -> None:
    (project / "pipelines/churn/pipeline.yaml").write_text(THREE)
    (project / "environments/dev/pins/churn.yaml").unlink()
    done = run_cli(["validate"], project)
    assert done.returncode == 1
    assert done.stdout == (
        "pipelines/churn/pipeline.yaml:8:13: error[type]: 'params' must be a list, not the text "
        "'months'\n"
        "  8 |     params: months\n"
        "    |             ^^^^^^\n"
        "  hint: write it as a list: [months] (--fix does it)\n"
        "\n"
        "pipelines/churn/pipeline.yaml:11:5: error[unknown-key]: unknown key 'retires' in item 2 "
        "of 'steps'\n"
        "  11 |     retires: 2\n"
        "     |     ^^^^^^^\n"
        "  hint: did you mean 'retries'? (--fix does it)\n"
        "\n"
        "pipelines/churn/pipeline.yaml:19:22: error[value]: 'model' must be parquet, csv, json, "
        "jsonl, npy, npz, text, bytes, directory, figure, onnx, estimator or unsafe-pickle, not "
        "the text 'estimater'\n"
        "  19 |     outputs: {model: estimater}\n"
        "     |                      ^^^^^^^^^\n"
        "  hint: did you mean 'estimator'? (--fix does it)\n"
        "\n"
        "3 errors in 1 file\n"
        "3 can be fixed without a doubt: mlgitops validate --fix\n"
        "why, and what to write instead: mlgitops validate --explain RULE (type, unknown-key, "
        "value)\n"
    )


def test_a_repository_without_a_mistake_says_so(project: Path, run_cli: RunCli) -> None:
    (project / "environments/dev/pins/churn.yaml").unlink()
    done = run_cli(["validate"], project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing is wrong\n", "")


def test_what_cannot_be_known_here_is_shown_and_fails_nothing(
    project: Path, run_cli: RunCli
) -> None:
    done = run_cli(["validate"], project)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "environments/dev/pins/churn.yaml:4:10: unknown[pin-release]: the tag churn@v1.4.0 is not "
        "here: the pin cannot be checked\n"
        "  4 | version: 1.4.0\n"
        "    |          ^^^^^\n"
        "  hint: git fetch --tags\n"
        "\n"
        "1 unknown in 1 file\n"
        "why, and what to write instead: mlgitops validate --explain pin-release\n",
        "",
    )


def test_programs_get_json(project: Path, run_cli: RunCli) -> None:
    (project / "pipelines/churn/pipeline.yaml").write_text(THREE)
    done = run_cli(["validate", "--format", "json"], project)
    assert done.returncode == 1
    findings = json.loads(done.stdout)["findings"]
    assert [finding["rule"] for finding in findings] == [
        "pin-release",
        "type",
        "unknown-key",
        "value",
    ]
    assert findings[2] == {
        "rule": "unknown-key",
        "severity": "error",
        "message": "unknown key 'retires' in item 2 of 'steps'",
        "hint": "did you mean 'retries'?",
        "path": "pipelines/churn/pipeline.yaml",
        "line": 11,
        "column": 5,
        "length": 7,
        "related": [],
        "fix": {
            "title": "write 'retries'",
            "edits": [
                {
                    "path": "pipelines/churn/pipeline.yaml",
                    "line": 11,
                    "column": 5,
                    "end_line": 11,
                    "end_column": 12,
                    "text": "retries",
                }
            ],
        },
    }


def test_a_pull_request_gets_annotations(project: Path, run_cli: RunCli) -> None:
    (project / "pipelines/churn/pipeline.yaml").write_text(THREE)
    done = run_cli(["validate", "--format", "github"], project)
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] + done.stdout.splitlines()[-1:] == [
        "::error file=pipelines/churn/pipeline.yaml,line=8,col=13,endLine=8,endColumn=19,"
        "title=type::'params' must be a list, not the text 'months'"
        "%0Ahint: write it as a list: [months]",
        "::error file=pipelines/churn/pipeline.yaml,line=11,col=5,endLine=11,endColumn=12,"
        "title=unknown-key::unknown key 'retires' in item 2 of 'steps'"
        "%0Ahint: did you mean 'retries'?",
        "::notice file=environments/dev/pins/churn.yaml,line=4,col=10,endLine=4,endColumn=15,"
        "title=pin-release::the tag churn@v1.4.0 is not here: the pin cannot be checked"
        "%0Ahint: git fetch --tags",
    ]


def test_it_works_from_any_folder_of_the_repository(
    project: Path, tmp_path: Path, run_cli: RunCli
) -> None:
    from_inside = run_cli(["validate", "--format", "json"], project / "pipelines/churn")
    from_outside = run_cli(["-C", str(project), "validate", "--format", "json"], tmp_path)
    assert from_inside.returncode == from_outside.returncode == 0
    assert from_inside.stdout == from_outside.stdout


def test_a_broken_project_file_hides_nothing_else(project: Path, run_cli: RunCli) -> None:
    (project / "mlgitops.yaml").write_text("apiVersion: [\n")
    (project / "pipelines/churn/pipeline.yaml").write_text(THREE)
    done = run_cli(["validate"], project)
    assert done.returncode == 1
    assert "mlgitops.yaml:1:13: error[yaml]: this '[' is not closed" in done.stdout
    assert "4 errors, 1 unknown in 3 files" in done.stdout


def test_this_repository_itself_has_no_mistake() -> None:
    found = validate(WorkTree(Path(__file__).parents[2]))
    assert [finding for finding in found if finding.severity == "error"] == []


def test_outside_of_a_repository_it_says_so(tmp_path: Path, run_cli: RunCli) -> None:
    done = run_cli(["validate"], tmp_path)
    assert done.returncode == 8
    assert "is not in a git repository" in done.stderr


def test_it_works_in_a_shallow_clone_with_a_detached_head_and_no_remote(
    project: Path, tmp_path: Path, run_cli: RunCli
) -> None:
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", project.as_uri(), str(clone))
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "remote", "remove", "origin")
    assert run_cli(["validate"], clone).returncode == 0


def test_no_code_of_the_repository_runs(project: Path, tmp_path: Path, run_cli: RunCli) -> None:
    ran = tmp_path / "ran"
    trap = f"open({str(ran)!r}, 'w')\n"
    for name in ("sources", "features", "train", "labels", "sitecustomize", "yaml"):
        path = project / f"pipelines/churn/{name}.py"
        path.write_text(trap + (path.read_text() if path.exists() else ""))
    assert run_cli(["validate"], project).returncode == 0
    assert not ran.exists()


# -- what tags know -----------------------------------------------------------------------------


def tagged(root: Path) -> str:
    """Tag a release 1.4.0 of `churn`; its digest."""
    document = release_document("1.4.0")
    git(root, "tag", "--annotate", "--cleanup=verbatim", "-m", message(document), "churn@v1.4.0")
    return str(document.digest)


def pinned(root: Path, digest: str) -> None:
    pin = FILES["environments/dev/pins/churn.yaml"].replace("sha256:" + "b" * 64, digest)
    (root / "environments/dev/pins/churn.yaml").write_text(pin)


def test_a_pin_is_held_against_the_tag_of_its_release(project: Path) -> None:
    digest = tagged(project)
    facts = gather(Repository.open(project))
    assert facts.releases == {"churn": {"1.4.0": digest}}
    pinned(project, digest)
    assert validate(WorkTree(project), facts) == ()


def test_a_pin_with_another_digest_than_its_release_is_an_error(project: Path) -> None:
    digest = tagged(project)
    [finding] = validate(WorkTree(project), gather(Repository.open(project)))
    assert (finding.rule, finding.severity) == ("pin-release", "error")
    assert finding.message == f"churn 1.4.0 has another digest: {digest}"


# -- text ---------------------------------------------------------------------------------------


def shown(line: str, *, column: int, length: int = 1, said: str = "wrong") -> str:
    finding = Finding(
        rule="value",
        message=said,
        at=Mark(path="a.yaml", line=1, column=column, length=length),
    )
    return report.text([finding], {"a.yaml": line.encode()}.get)


def test_the_caret_stands_below_wide_letters() -> None:
    lines = shown("名前: x", column=5).splitlines()
    assert lines[1] == "  1 | 名前: x"
    assert lines[2] == "    |       ^"


def test_a_long_line_is_shown_around_its_mark() -> None:
    lines = shown("a" * 5000 + "X" + "b" * 5000, column=5001).splitlines()
    assert len(lines[1]) < 120
    assert lines[1][lines[2].index("^")] == "X"
    assert lines[1].count("…") == 2


def test_nothing_moves_the_cursor_of_a_terminal() -> None:
    text = shown("a: \x1b[2J\x07\u202e\t", column=4, said="\x1b]0;owned\x07")
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\t"}


def test_annotations_cannot_be_left() -> None:
    finding = Finding(rule="value", message="a%\n::error::b", at=Mark(path="x,y:z\n"))
    assert github.commands([finding]) == (
        "::error file=x%2Cy%3Az%0A,line=1,col=1,title=value::a%25%0A::error::b\n"
    )


def test_colours_are_added_to_the_same_text(project: Path) -> None:
    (project / "pipelines/churn/pipeline.yaml").write_text(THREE)
    tree = WorkTree(project)
    found = validate(tree)
    coloured = report.text(found, tree.read, ansi)
    plain = report.text(found, tree.read)
    for code in ("0", "1", "2", "31", "33"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there only")
def test_a_name_that_is_no_text_breaks_no_format(project: Path) -> None:
    path = os.fsencode(project) + b"/environments/dev/pins/\xff.yaml"
    Path(os.fsdecode(path)).write_text("x: [\n")
    tree = WorkTree(project)
    found = validate(tree)
    report.text(found, tree.read).encode()
    json.dumps(report.to_json(found), ensure_ascii=False).encode()
    github.commands(found).encode()
