"""Running: known work is reused, other work is done once, and a failure says what to do."""

import threading
from pathlib import Path

import pytest

from mlgitops.core.errors import Refused, UsageError
from mlgitops.flow.run import artifact, run
from tests.flow.conftest import RunTiny, actions, checkout_of, edit, seams_of, workspace
from tests.support import git, write

ALL = {"rows": "Execute", "features": "Execute", "train": "Execute"}
NONE = {"rows": "Reuse", "features": "Reuse", "train": "Reuse"}


def test_running_again_does_nothing_and_says_so(run_tiny: RunTiny, said: list[str]) -> None:
    first = run_tiny()
    assert actions(first) == ALL
    assert said[-1].startswith("3 steps ran, 0 reused, in ")
    again = run_tiny()
    assert actions(again) == NONE
    assert said[-1] == "nothing to do: 3 steps are up to date"
    assert [ran.record for ran in again.steps] == [ran.record for ran in first.steps]


def test_a_comment_runs_nothing_again(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "features.py", "def build", "# a comment\ndef build")
    edit(root, "helper.py", "def number(row):", 'def number(row):\n    """A docstring."""')
    write(root, {"pipelines/tiny/unrelated.py": "x = 1\n", "README.md": "# More\n"})
    assert actions(run_tiny()) == NONE


def test_one_line_of_features_runs_it_and_what_depends_on_it(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    run_tiny()
    edit(root, "features.py", "values[:keep]", "values[1:keep]")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}
    assert "tiny.features: started: code of features.py changed" in said
    assert "tiny.train: started: input train changed" in said


def test_a_helper_of_a_helper_counts(run_tiny: RunTiny, root: Path, said: list[str]) -> None:
    run_tiny()
    edit(root, "helper.py", "int(row['count'])", "2 * int(row['count'])")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}
    assert "tiny.features: started: code of helper.py changed" in said


def test_the_same_bytes_stop_the_change(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "features.py", "values[:keep]", "list(values[:keep])")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Reuse"}


def test_going_back_runs_nothing(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Reuse", "train": "Execute"}
    edit(root, "pipeline.yaml", "seed: 8", "seed: 7")
    assert actions(run_tiny()) == NONE


def test_until_runs_a_step_and_what_it_needs(run_tiny: RunTiny, said: list[str]) -> None:
    assert actions(run_tiny(until="features")) == {"rows": "Execute", "features": "Execute"}
    with pytest.raises(UsageError, match="no step 'feature'") as caught:
        run_tiny(until="feature")
    assert caught.value.hint == "did you mean 'features'?"
    with pytest.raises(UsageError, match="no pipeline 'tinny'"):
        run_tiny(pipeline="tinny")


def test_force_runs_all_but_the_sources(run_tiny: RunTiny) -> None:
    run_tiny()
    assert actions(run_tiny(force=True)) == {
        "rows": "Reuse",
        "features": "Execute",
        "train": "Execute",
    }


def test_a_record_says_what_it_was_made_of_and_what_it_cost(run_tiny: RunTiny) -> None:
    records = run_tiny().records
    features = records["features"]
    assert features.parts.code.keys() == {"features.py", "helper.py"}
    assert features.parts.params == {"keep": 8}
    assert features.parts.inputs["rows"].digest == records["rows"].outputs["rows"].digest
    assert features.started_at == "2026-01-05T09:00:00Z"
    assert 0 < features.cpu < 60
    assert features.peak_memory > 1_000_000


def test_a_first_run_of_a_source_writes_its_pin_and_says_so(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    record = run_tiny().records["rows"]
    path = "pipelines/tiny/snapshots/rows.yaml"
    assert f"  note: wrote {path}: 20 rows as of 2026-01-01; commit it" in said
    assert record.outputs["rows"].digest in (root / path).read_text()
    pin = workspace(root).snapshots["tiny", "rows"].spec
    assert (pin.as_of, pin.digest) == ("2026-01-01", record.outputs["rows"].digest)
    assert git(root, "status", "--porcelain") == "?? pipelines/tiny/snapshots/"


def test_in_ci_a_missing_pin_is_refused(root: Path, said: list[str]) -> None:
    with pytest.raises(Refused, match=r"no pipelines/tiny/snapshots/rows\.yaml"):
        run(seams_of(root, said, ci=True), workspace(root), root)
    assert not (root / "pipelines/tiny/snapshots").exists()


def test_an_undeclared_read_is_named(run_tiny: RunTiny, root: Path, said: list[str]) -> None:
    write(root, {"pipelines/tiny/weights.json": "[1, 2]"})
    edit(
        root,
        "features.py",
        "    values =",
        "    open(__file__[:-11] + 'weights.json')\n    values =",
    )
    note = (
        "  note: read pipelines/tiny/weights.json at pipelines/tiny/features.py:5,"
        " which is not among its inputs (undeclared-input)"
    )
    result = run_tiny()
    assert note in said
    record = result.records["features"]
    assert record.undeclared == ("pipelines/tiny/weights.json at pipelines/tiny/features.py:5",)
    run_tiny()
    assert note in said  # the result is reused, and the doubt with it


def test_two_runs_at_once_do_the_work_once(root: Path) -> None:
    edit(root, "features.py", "    values", "    import time; time.sleep(0.5)\n    values")
    edit(root, "train.py", "    return", "    import time; time.sleep(0.5)\n    return")
    results, lines, specs = [], [list[str](), list[str]()], workspace(root)

    def once(said: list[str]) -> None:
        results.append(run(seams_of(root, said), specs, root))

    threads = [threading.Thread(target=once, args=(said,)) for said in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    done = [line for said in lines for line in said if ": done in" in line]
    assert sorted(line.partition(":")[0] for line in done) == [
        "tiny.features",
        "tiny.rows",
        "tiny.train",
    ]
    one, other = results
    assert {ran.decision.step: ran.record for ran in one.steps} == {
        ran.decision.step: ran.record for ran in other.steps
    }


def test_an_artifact_is_made_when_it_is_asked_for(root: Path, said: list[str]) -> None:
    found = artifact(checkout_of(seams_of(root, said), root), "tiny", "features.test")
    assert found.format == "json"
    assert found.record.outputs["test"].digest == found.digest
    said.clear()
    seams = seams_of(root, said)
    assert artifact(checkout_of(seams, root), "tiny", "features.test") == found
    assert said == []
    assert seams.store.has(found.digest)
    with pytest.raises(UsageError, match="no output 'tests'"):
        artifact(checkout_of(seams, root), "tiny", "features.tests")


def test_an_exported_commit_runs_as_well_and_shares_what_is_known(
    run_tiny: RunTiny, root: Path, said: list[str], tmp_path: Path
) -> None:
    run_tiny()
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Pin")
    edit(root, "features.py", "values[:keep]", "values[2:keep]")
    seams = seams_of(root, said)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    seams.repository.export("HEAD", elsewhere)
    assert actions(run(seams, workspace(elsewhere), elsewhere)) == NONE
    assert actions(run_tiny())["features"] == "Execute"


def test_the_environment_is_what_is_declared(
    run_tiny: RunTiny, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY", "Ghent")
    monkeypatch.setenv("SECRET", "x")
    edit(root, "pipeline.yaml", '    run: "train:fit"', '    run: "train:fit"\n    env: [CITY]')
    edit(root, "train.py", "    return", "    import os\n    print(sorted(os.environ))\n    return")
    record = run_tiny().records["train"]
    assert record.log is not None
    log = seams_of(root, []).store.read(record.log).decode()
    assert "'CITY'" in log
    assert "SECRET" not in log
    assert "'PYTHONHASHSEED'" in log
    monkeypatch.delenv("CITY")
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    with pytest.raises(Refused, match="variable CITY, and it is not set"):
        run_tiny()
