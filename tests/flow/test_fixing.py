"""`validate --fix` writes what is certain and nothing else; `--diff` shows it first."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgitops.core.findings import Finding
from mlgitops.core.trees import MemoryTree, Tree
from mlgitops.files import WorkTree
from mlgitops.flow import fixing
from mlgitops.flow.validate import validate
from mlgitops.report import fixes as report
from tests.support import RunCli, commit, git

DATA = Path(__file__).parents[1] / "data"
BASE = DATA / "rules/_base"
FILES = {p.relative_to(BASE).as_posix(): p.read_bytes() for p in BASE.rglob("*") if p.is_file()}
CASES = sorted(path.name for path in (DATA / "fixes").iterdir())
PAGE = Path(__file__).parents[2] / "docs/validate.md"
PIPELINE = "pipelines/churn/pipeline.yaml"
MODEL = "pipelines/churn/model.yaml"
WRONG = FILES[PIPELINE].replace(b"  - name: train\n", b"  - name: train # it\n    retires: 2\n")
HALF_WRONG = WRONG.replace(b"estimator", b"pickle")


@pytest.fixture
def project(repo: Path) -> Path:
    commit(repo, {path: data.decode() for path, data in FILES.items()})
    return repo


def everything(finding: Finding) -> bool:
    return True


def planned(tree: Tree) -> fixing.Fixing:
    return fixing.plan(tree, validate(tree), validate, everything)


def with_file(path: str, data: bytes) -> MemoryTree:
    return MemoryTree({**FILES, path: data})


# -- each kind of fix ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_fixed_as_its_diff_says_and_nothing_is_left(case: str, tmp_path: Path) -> None:
    for source in (BASE, DATA / "fixes" / case / "before"):
        shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    tree = WorkTree(tmp_path)
    done = planned(tree)
    assert report.diffs(done) == (DATA / "fixes" / case / "fixed.diff").read_bytes()
    assert (done.left, done.kept) == ((), ())
    assert {change.path for change in done.changes} == {
        finding.at.path for finding in validate(tree) if finding.fix is not None
    }


def test_the_page_of_validate_shows_every_kind_of_fix() -> None:
    assert re.findall(r"tests/data/fixes/([a-z0-9-]+)", PAGE.read_text()) == CASES


# -- the laws of fixing -------------------------------------------------------------------------

_SPOILED = st.lists(
    st.sampled_from(
        [
            (PIPELINE, b"outputs: {model", b"outptus: {model"),
            (PIPELINE, b"estimator", b"Estimator"),
            (PIPELINE, b"features.train", b"feature.train"),
            (PIPELINE, b"[months]", b"months"),
            (PIPELINE, b"name: churn", b"name: 5"),
            (PIPELINE, b"kind: Pipeline\n", b""),
            (PIPELINE, b"parquet, test", b"parquet, train: parquet, test"),
            (MODEL, b"brier]", b"breir, roc_auc]"),
            (MODEL, b"train.model", b"trian.model"),
            (MODEL, b"target: left", b"target: on"),
            (MODEL, b"0.7", b"7e-1"),
            (MODEL, b"features: [", b"features: [nobody, "),
            (MODEL, b"task: binary", b"task: trinary"),
            (MODEL, b"pipeline: churn", b"pipeline: Churn"),
        ]
    ),
    max_size=5,
    unique_by=lambda change: change[1],
)


@given(spoiled=_SPOILED)
@settings(max_examples=40, deadline=None)
def test_fixing_is_done_at_once_and_never_makes_a_file_worse(
    spoiled: list[tuple[str, bytes, bytes]],
) -> None:
    files = dict(FILES)
    for path, old, new in spoiled:
        files[path] = files[path].replace(old, new, 1)
    before = validate(MemoryTree(files))
    done = planned(MemoryTree(files))
    files |= {change.path: change.after for change in done.changes}
    assert validate(MemoryTree(files)) == done.left
    for path in {path for path, _, _ in spoiled}:
        assert fixing.state(done.left, path)[:2] <= fixing.state(before, path)[:2]
    # Who fixes what is fixed changes nothing.
    again = planned(MemoryTree(files))
    assert (again.changes, again.left) == ((), done.left)


def test_what_would_be_as_wrong_with_its_fixes_is_left_alone() -> None:
    # With a pipeline 'churn' the model is found not to fit it: as many findings as before.
    tree = with_file(
        MODEL,
        FILES[MODEL]
        .replace(b"pipeline: churn", b"pipeline: chrun")
        .replace(b"artifact: train.model", b"artifact: fit.model"),
    )
    done = planned(tree)
    assert done.changes == ()
    assert [(one.path, one.why) for one in done.kept] == [
        (MODEL, "left alone: as much would be wrong with the fixes as without")
    ]
    assert done.left == validate(tree)


def test_a_fix_that_brings_other_mistakes_to_light_is_no_worse() -> None:
    wrong = (
        FILES[PIPELINE]
        .replace(b"  - name: train\n", b"  - name: train\n    timeout: 1h\n    timeout: 1h\n")
        .replace(b"features.train", b"nothing.at_all")
        .replace(b"[seed]", b"[zzz]")
    )
    [hiding] = validate(with_file(PIPELINE, wrong))
    assert hiding.rule == "yaml"
    done = planned(with_file(PIPELINE, wrong))
    assert [change.path for change in done.changes] == [PIPELINE]
    assert {finding.rule for finding in done.left} >= {"input-exists", "param-exists"}


# -- the command --------------------------------------------------------------------------------


def test_fix_writes_says_what_and_shows_what_is_left(project: Path, run_cli: RunCli) -> None:
    (project / PIPELINE).write_bytes(HALF_WRONG.replace(b"\n", b"\r\n"))
    done = run_cli(["validate", "--fix", "pipelines"], project)
    assert done.returncode == 1
    assert done.stdout.startswith(
        "pipelines/churn/pipeline.yaml:15:5: fixed[unknown-key]: write 'retries'\n"
        "1 fixed in 1 file\n"
    )
    assert "error[value]: 'model' must be" in done.stdout
    assert (project / PIPELINE).read_bytes() == HALF_WRONG.replace(b"retires", b"retries").replace(
        b"\n", b"\r\n"
    )


def test_fix_exits_zero_when_nothing_is_left(project: Path, run_cli: RunCli) -> None:
    (project / PIPELINE).write_bytes(WRONG)
    (project / PIPELINE).chmod(0o755)
    done = run_cli(["validate", "--fix", "pipelines"], project)
    assert (done.returncode, done.stderr) == (0, "")
    assert (project / PIPELINE).stat().st_mode & 0o777 == 0o755
    assert run_cli(["validate", "--fix", "pipelines"], project).stdout == (
        "nothing is wrong here; 1 more in other files\n"
    )


def test_programs_are_told_what_was_fixed(project: Path, run_cli: RunCli) -> None:
    (project / PIPELINE).write_bytes(HALF_WRONG)
    done = run_cli(["validate", "--fix", "--format", "json", "pipelines"], project)
    told = json.loads(done.stdout)
    assert [one["fix"]["title"] for one in told["fixed"]] == ["write 'retries'"]
    assert [one["rule"] for one in told["findings"]] == ["value"]
    assert told["kept"] == []
    assert done.returncode == 1


def test_diff_shows_what_fix_would_do_and_writes_nothing(project: Path, run_cli: RunCli) -> None:
    (project / PIPELINE).write_bytes(HALF_WRONG)
    shown = run_cli(["validate", "--diff"], project)
    assert (shown.returncode, shown.stderr) == (1, "1 would be fixed in 1 file\n")
    assert (project / PIPELINE).read_bytes() == HALF_WRONG
    subprocess.run(["git", "apply", "-"], input=shown.stdout.encode(), cwd=project, check=True)
    applied = (project / PIPELINE).read_bytes()
    (project / PIPELINE).write_bytes(HALF_WRONG)
    run_cli(["validate", "--fix"], project)
    assert (project / PIPELINE).read_bytes() == applied
    nothing = run_cli(["validate", "--diff"], project)
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "nothing to fix\n")


def test_fix_looks_only_where_it_is_asked_to(project: Path, run_cli: RunCli) -> None:
    (project / PIPELINE).write_bytes(WRONG)
    (project / MODEL).write_bytes(FILES[MODEL].replace(b"brier]", b"breir]"))
    run_cli(["validate", "--fix", MODEL], project)
    assert (project / PIPELINE).read_bytes() == WRONG
    assert (project / MODEL).read_bytes() == FILES[MODEL]
    git(project, "commit", "--quiet", "--all", "--message=wrong")
    assert run_cli(["validate", "--diff", "--since", "HEAD"], project).returncode == 0


def test_diff_has_no_other_format_and_is_not_fix(project: Path, run_cli: RunCli) -> None:
    assert run_cli(["validate", "--diff", "--format", "json"], project).returncode == 2
    assert run_cli(["validate", "--diff", "--fix"], project).returncode == 2


# -- files that somebody else holds -------------------------------------------------------------


def test_a_file_that_changes_meanwhile_is_not_written(project: Path) -> None:
    (project / PIPELINE).write_bytes(WRONG)
    tree = WorkTree(project)
    done = planned(tree)
    (project / PIPELINE).write_bytes(WRONG + b"# mine\n")
    done = fixing.write(project, tree, done, validate)
    assert [one.why for one in done.kept] == ["not written: somebody else has changed it meanwhile"]
    assert (project / PIPELINE).read_bytes() == WRONG + b"# mine\n"
    assert [finding.rule for finding in done.left] == ["unknown-key"]


def test_a_file_that_is_gone_meanwhile_does_not_come_back(project: Path) -> None:
    (project / PIPELINE).write_bytes(WRONG)
    tree = WorkTree(project)
    done = planned(tree)
    (project / PIPELINE).unlink()
    done = fixing.write(project, tree, done, validate)
    assert [one.why for one in done.kept] == ["not written: No such file or directory"]
    assert not (project / PIPELINE).exists()


def test_a_read_only_file_stays_and_the_others_are_fixed(project: Path, run_cli: RunCli) -> None:
    (project / PIPELINE).write_bytes(WRONG)
    (project / MODEL).write_bytes(FILES[MODEL].replace(b"brier]", b"breir]"))
    (project / PIPELINE).chmod(0o444)
    done = run_cli(["validate", "--fix", "pipelines"], project)
    assert done.returncode == 1
    assert f"{PIPELINE}: not written: the file is read-only\n1 fixed in 1 file\n" in done.stdout
    assert "unknown key 'retires'" in done.stdout
    assert (project / PIPELINE).read_bytes() == WRONG
    assert (project / MODEL).read_bytes() == FILES[MODEL]
