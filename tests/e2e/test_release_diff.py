"""``diff MODEL@OLD MODEL@NEW``: what changed between two releases, and what it did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mlgitops.core.release_documents import written
from mlgitops.core.schemas import RELEASE, schema
from mlgitops.git import Repository
from tests.e2e.world import MODEL, World


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
