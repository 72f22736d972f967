"""`plan --explain` shows every part of a step's key, and what it was where it moved."""

import json
from pathlib import Path

import pytest

from mlgitops.core.errors import UsageError
from mlgitops.core.explaining import Explanation, Line
from mlgitops.flow.explain import explain
from mlgitops.report.explain import explain_json, page
from tests.flow.conftest import RunTiny, edit, seams_of, workspace
from tests.support import RunCli, commit


def explained(root: Path, step: str) -> Explanation:
    (one,) = explain(seams_of(root, []), workspace(root), root, step)
    return one


def line(explanation: Explanation, part: str, name: str = "") -> Line:
    return next(one for one in explanation.lines if (one.part, one.name) == (part, name))


def moved(explanation: Explanation) -> set[tuple[str, str]]:
    return {(one.part, one.name) for one in explanation.lines if one.moved}


def test_a_step_that_is_reused_says_which_record_and_when_and_where(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny()
    found = explained(root, "tiny.features")
    assert (found.action, found.because) == ("reuse", ("nothing changed",))
    assert found.record is not None
    assert found.record.started_at == "2026-01-05T09:00:00Z"
    assert found.key == found.record.key
    assert moved(found) == set()
    assert line(found, "inputs", "rows").note == "rows.rows"
    assert line(found, "code", "helper.py").note == "pipelines/tiny/helper.py"
    assert line(found, "params", "keep").value == "8"
    assert line(found, "outputs", "train").value == "json"
    assert line(found, "words").value == "features:build"
    shown = page([found])
    assert "tiny.features: reuse: nothing changed" in shown
    assert "made 2026-01-05T09:00:00Z" in shown


def test_what_moved_is_shown_with_its_old_and_new_value(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "pipeline.yaml", "keep: 8", "keep: 9")
    edit(root, "helper.py", "int(row", "1 + int(row")
    edit(root, "helper.py", "def number", "LIMIT = 3\n\n\ndef number")
    found = explained(root, "features")
    assert found.action == "execute"
    assert found.because == ("code of helper.py changed", "param keep 8 → 9")
    assert moved(found) == {("code", "helper.py"), ("params", "keep")}
    keep = line(found, "params", "keep")
    assert (keep.before, keep.value) == ("8", "9")
    note = line(found, "code", "helper.py").note
    assert "number changed; LIMIT is new; git diff " in note
    assert note.endswith("-- pipelines/tiny/helper.py")
    shown = page([found])
    assert "*" in shown
    assert "8 → 9" in shown
    steps = json.loads(json.dumps(explain_json([found])))["steps"]
    part = next(one for one in steps[0]["parts"] if one["name"] == "keep")
    assert (part["before"], part["value"], part["changed"]) == ("8", "9", True)


def test_what_was_never_committed_is_said(run_tiny: RunTiny, root: Path) -> None:
    edit(root, "helper.py", "int(row", "2 * int(row")
    run_tiny()
    edit(root, "helper.py", "2 *", "3 *")
    assert (
        "what it was is in no commit" in line(explained(root, "features"), "code", "helper.py").note
    )


def test_a_step_that_waits_shows_what_is_known_of_it(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "features.py", "values[:keep]", "values[1:keep]")
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    found = explained(root, "train")
    assert found.key is None
    assert found.because == ("waits for features",)
    assert line(found, "inputs", "train").value == "known when features has run"
    assert moved(found) == {("params", "seed")}


def test_of_all_records_the_nearest_is_compared_with(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "pipeline.yaml", "keep: 8", "keep: 5")
    edit(root, "helper.py", "int(row", "5 * int(row")
    commit(root, {}, "Try another way")
    run_tiny()
    edit(root, "helper.py", "5 * int(row", "int(row")
    edit(root, "pipeline.yaml", "keep: 5", "keep: 6")
    found = explained(root, "features")
    # Of the two records, the older one has the same code.
    assert moved(found) == {("params", "keep")}
    assert found.because == ("param keep 8 → 6",)


def test_a_source_shows_what_moved_since_its_snapshot(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "sources.py", "< day", "<= day")
    found = explained(root, "rows")
    assert found.action == "reuse"
    assert moved(found) == {("code", "sources.py")}


def test_before_the_first_run_there_is_nothing_to_compare_with(root: Path) -> None:
    found = explained(root, "rows")
    assert found.record is None
    assert moved(found) == set()
    assert "compared with nothing" in page([found])


def test_a_step_that_there_is_not_is_named(root: Path) -> None:
    with pytest.raises(UsageError, match="there is no step 'feature'"):
        explained(root, "feature")
    with pytest.raises(UsageError, match="no step"):
        explained(root, "features[x=1]")


def test_the_command_explains_in_words_and_json(root: Path, run_cli: RunCli) -> None:
    done = run_cli(["plan", "--explain", "tiny.features"], cwd=root)
    assert done.returncode == 0, done.stderr
    assert "tiny.features: execute: waits for rows" in done.stdout
    done = run_cli(["plan", "--explain", "features", "--json"], cwd=root)
    assert json.loads(done.stdout)["steps"][0]["action"] == "execute"
    done = run_cli(["plan", "--explain", "features", "--force"], cwd=root)
    assert done.returncode == 2


def test_each_element_of_a_loop_is_explained_by_itself(run_tiny: RunTiny, root: Path) -> None:
    edit(
        root,
        "pipeline.yaml",
        '    run: "train:fit"\n',
        '    run: "train:fit"\n    foreach: {scale: [1, 2]}\n',
    )
    edit(root, "train.py", "def fit(train, seed)", "def fit(train, seed, scale)")
    run_tiny()
    edit(root, "pipeline.yaml", "[1, 2]", "[1, 3]")
    found = explain(seams_of(root, []), workspace(root), root, "train")
    assert [one.action for one in found] == ["reuse", "execute"]
    assert line(found[1], "params", "scale").value == "3"
    assert moved(found[1]) <= {("params", "scale")}
    assert explained(root, found[0].step).action == "reuse"
