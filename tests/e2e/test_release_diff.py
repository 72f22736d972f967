"""``diff MODEL@OLD MODEL@NEW``: what changed between two releases, and what it did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mlgitops.core.release_documents import written
from mlgitops.core.schemas import RELEASE, schema
from mlgitops.git import Repository
from tests.e2e.world import BETTER_FEATURES, MODEL, World
from tests.support import commit, git


def test_changed_code_and_the_paired_comparison_are_shown(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("diff", f"{MODEL}@1.0.0", f"{MODEL}@v1.1.0") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{MODEL}@v1.0.0 → {MODEL}@v1.1.0\n")
    assert "\ncode\n  features  " in shown
    assert "paired on " in shown and "90 % interval" in shown
    assert "\ncommits\n" in shown


def test_a_changed_parameter_is_named_with_both_values_in_json(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("diff", f"{MODEL}@1.1.0", f"{MODEL}@1.2.0", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    (changed,) = [one for one in found["changes"] if one["topic"] == "parameters"]
    assert changed["name"].startswith("train.") and changed["old"] != changed["new"]
    assert [one["topic"] for one in found["changes"] if one["topic"] == "code"] == []
    assert found["breaks"] == [] and found["same_identity"] is False


def test_the_documents_of_real_releases_are_as_the_published_schema_says(world: World) -> None:
    validator = Draft202012Validator(schema(RELEASE))
    tags = Repository.open(world.clone).tags("*@v*")
    assert len(tags) == 3
    for tag in tags:
        validator.validate(written(tag.message))


def test_a_release_against_itself_has_no_difference(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("diff", f"{MODEL}@1.1.0", f"{MODEL}@1.1.0", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["same_identity"] is True and found["changes"] == []


def test_without_the_bytes_the_tags_still_tell_and_a_note_says_what_is_missing(
    world: World,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLGITOPS_STORE", str(tmp_path / "empty"))
    assert world.call("diff", f"{MODEL}@1.0.0", f"{MODEL}@1.1.0", "--format", "markdown") == 0
    shown = capsys.readouterr().out
    assert "| code | features |" in shown
    assert "signatures are not compared" in shown and "no paired comparison" in shown


def test_releases_of_two_models_and_an_unknown_version_are_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("diff", f"{MODEL}@1.0.0", "other@1.0.0") == 2
    assert "different models" in capsys.readouterr().err
    assert world.call("diff", f"{MODEL}@1.0.0", f"{MODEL}@9.0.0") == 2
    assert "has no release 9.0.0" in capsys.readouterr().err


def test_a_release_says_why_it_has_its_version_and_what_callers_should_know(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    later = BETTER_FEATURES.replace(
        "    held_out", '    frame = frame[frame["rain"] > 20]\n    held_out'
    )
    later = later.replace("~held_out", '(rows["day"] < "2026-04-01")')
    commit(world.clone, {"pipelines/yield/features.py": later}, "Leave out dry days")
    words = ("release", MODEL, "--dry-run", "--bump", "patch", "--reason", "nobody calls it yet")
    capsys.readouterr()
    assert world.call(*words) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"would release {MODEL}@v1.2.1 (--dry-run: nothing was tagged)"
    assert shown[1] == (
        "  patch after 1.2.0: chosen: nobody calls it yet; the code of features changed"
    )
    assert shown[2] == "  the signature, for callers:"
    (narrower,) = [line.strip() for line in shown[3:] if line.startswith("    ")]
    assert narrower.startswith("input 'rain' was trained on 20.") and "narrower" in narrower
    assert world.call(*words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["previous"], told["callers"]) == (f"{MODEL}@v1.2.0", [narrower])
    assert told["release"]["reason"] == "nobody calls it yet"


def test_a_difference_says_why_the_version_and_what_callers_should_know(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("diff", f"{MODEL}@1.0.0", f"{MODEL}@1.1.0", "--format")
    assert world.call(*words, "text") == 0
    shown = capsys.readouterr().out
    assert "\n  1.1.0 is minor: the code of features changed\n" in shown
    known = "input 'rain' was trained on 0.12 to 99.94, before on 0 to 80: moved"
    assert f"\n  for callers: {known}\n" in shown
    assert world.call(*words, "json") == 0
    assert json.loads(capsys.readouterr().out)["callers"] == [known]
    assert world.call(*words, "markdown") == 0
    assert "- for callers: input" in capsys.readouterr().out


def test_a_lineage_names_the_runs_that_did_the_work_as_far_as_the_ledger_knows(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("runs", "--json") == 0
    runs = {one["id"] for one in json.loads(capsys.readouterr().out)["runs"]}
    assert world.call("lineage", f"{MODEL}@1.0.0", "--json") == 0
    made = json.loads(capsys.readouterr().out)["runs"]
    assert set(made) == {"rows", "features", "train"}
    assert {one["id"] for one in made.values()} <= runs
    assert world.call("lineage", f"{MODEL}@1.0.0") == 0
    assert f"─ run {made['train']['id'][:12]} " in capsys.readouterr().out
    # A clone that knows no run shows the rest.
    places = ("refs/mlgitops", "refs/mlgitops-local")
    for ref in git(world.clone, "for-each-ref", "--format=%(refname)", *places).split():
        git(world.clone, "update-ref", "-d", ref)
    assert world.call("lineage", f"{MODEL}@1.0.0", "--json", "--offline") == 0
    assert json.loads(capsys.readouterr().out)["runs"] == {}
