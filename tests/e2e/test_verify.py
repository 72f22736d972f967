"""One byte altered anywhere in what is claimed: some check fails and names it."""

import json
from typing import Any, cast

import pytest
import yaml

from mlgitops.core.release_documents import written
from tests.e2e.world import MODEL, World
from tests.support import git


@pytest.fixture
def shipped(world: World) -> World:
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    world.call("pulls", "merge", "1")
    world.ship("prod", approve=True)
    world.call("promote", MODEL, "--to", "dev", "--version", "1.1.0")
    world.call("pulls", "merge", str(world.open_pull(f"mlgitops/promote/dev/{MODEL}")))
    world.ship("prod", approve=True)
    return world


def findings(world: World, capsys) -> list[dict]:
    capsys.readouterr()
    code = world.call("verify", "--json")
    found = json.loads(capsys.readouterr().out)["findings"]
    assert code == int(any(one["severity"] == "error" for one in found))
    return found


def test_what_was_shipped_verifies_and_each_altered_byte_is_found_and_named(shipped, capsys):
    assert findings(shipped, capsys) == []
    folder = shipped.clone / "environments/prod"
    targets = [
        folder / f"pins/{MODEL}.yaml",
        *sorted((folder / "rendered").rglob("*.yaml")),
        *sorted((folder / "records").rglob("*.json")),
    ]
    assert len(targets) == 4
    for path in targets:
        original = path.read_bytes()
        for place in {len(original) // 3, len(original) * 2 // 3, len(original) - 1}:
            byte = original[place]
            path.write_bytes(original[:place] + bytes([byte ^ 1]) + original[place + 1 :])
            name = path.relative_to(shipped.clone).as_posix()
            code = shipped.call("verify", "--json")
            captured = capsys.readouterr()
            assert code != 0, f"byte {place} of {name} was altered and nobody noticed"
            assert name in captured.out + captured.err
        path.write_bytes(original)
    assert findings(shipped, capsys) == []


def test_an_altered_metric_of_a_record_is_named_by_its_key(shipped, capsys):
    path = sorted((shipped.clone / "environments/prod/records").rglob("*.json"))[-1]
    record = json.loads(path.read_text())
    value = record["comparison"]["compared"][0]["delta"]
    path.write_text(path.read_text().replace(str(value), str(round(value - 1e-9, 9))))
    (found,) = findings(shipped, capsys)
    assert found["message"].startswith("/comparison/compared/0/delta is ")


def test_an_extra_manifest_and_a_missing_one_are_named(shipped, capsys):
    extra = shipped.clone / f"environments/prod/rendered/{MODEL}/extra.yaml"
    extra.write_text("kind: Secret\n")
    missing = shipped.clone / f"environments/dev/rendered/{MODEL}/compose.yaml"
    missing.unlink()
    named = {one["path"] for one in findings(shipped, capsys)}
    assert named == {p.relative_to(shipped.clone).as_posix() for p in (extra, missing)}


def test_a_metric_altered_in_a_tag_is_found_by_computing_it_again(shipped, capsys):
    tag = f"{MODEL}@v1.1.0"
    raw = git(shipped.clone, "cat-file", "-p", f"refs/tags/{tag}")
    document = cast(Any, written(raw.partition("\n\n")[2]))
    value = document["evaluation"]["metrics"]["mae"]["value"]
    forged = raw.replace(str(value), str(round(value - 0.000001, 9)))
    (shipped.root / "forged").write_text(forged + "\n")
    new = git(shipped.clone, "hash-object", "-t", "tag", "-w", str(shipped.root / "forged"))
    git(shipped.clone, "update-ref", f"refs/tags/{tag}", new)
    messages = [one["message"] for one in findings(shipped, capsys)]
    assert any("/metrics/mae/value" in message for message in messages), messages


def test_damaged_bytes_in_the_store_are_not_taken_for_evidence(shipped, capsys):
    raw = git(shipped.bare, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.1.0")
    digest = yaml.safe_load(raw)["files"]["model.onnx"].removeprefix("sha256:")
    blob = shipped.store / "blobs/sha256" / digest
    data = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert any(one["path"] == f"{MODEL}@v1.1.0" for one in findings(shipped, capsys))


def test_one_byte_of_any_file_of_a_release_is_found_and_named(shipped, capsys):
    raw = git(shipped.bare, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.1.0")
    document = yaml.safe_load(raw)
    named = {"the manifest": document["digest"], **document["files"]}
    assert len(named) > 15
    for name, digest in named.items():
        blob = shipped.store / "blobs/sha256" / digest.removeprefix("sha256:")
        original = blob.read_bytes()
        place = len(original) // 2
        altered = original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :]
        blob.chmod(0o644)
        blob.write_bytes(altered)
        told = [one["message"] for one in findings(shipped, capsys)]
        assert any(message.startswith(f"{name}: ") for message in told), (name, told)
        blob.write_bytes(original)
    assert findings(shipped, capsys) == []


def test_a_tag_that_was_moved_to_something_else_is_an_error_and_not_unknown(shipped, capsys):
    tag = f"{MODEL}@v1.1.0"
    git(shipped.clone, "tag", "--force", "-a", "-m", "not a release", tag, "HEAD")
    (found,) = [one for one in findings(shipped, capsys) if one["rule"] == "mlgitops/pin"][:1]
    assert found["severity"] == "error"
    assert f"the tag {tag} is here, and carries no document" in found["message"]


def test_without_tags_nothing_is_known_and_that_is_no_error(shipped, capsys):
    for tag in git(shipped.clone, "tag", "-l").splitlines():
        git(shipped.clone, "tag", "-d", tag)
    found = findings(shipped, capsys)
    assert {one["severity"] for one in found} == {"unknown"}


def test_a_pull_request_with_an_altered_manifest_turns_red_and_does_not_merge(world, capsys):
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    branch = f"mlgitops/promote/dev/{MODEL}"
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "checkout", "--quiet", "-b", "mine", f"origin/{branch}")
    path = world.clone / f"environments/dev/rendered/{MODEL}/compose.yaml"
    path.write_text(path.read_text().replace("8080", "8081"))
    git(world.clone, "commit", "--quiet", "-a", "-m", "Another port")
    git(world.clone, "push", "--quiet", "origin", f"HEAD:{branch}")
    capsys.readouterr()
    assert world.call("verify", "--pull", "1", "--json") == 1
    shown = json.loads(capsys.readouterr().out)["checks"]
    checks = {check["name"]: check["state"] for check in shown}
    assert checks["mlgitops/render"] == "failure"
    assert world.call("pulls", "merge", "1") != 0


def test_a_reason_or_a_version_that_does_not_follow_from_what_changed_is_named(shipped, capsys):
    tag = f"{MODEL}@v1.1.0"
    raw = git(shipped.clone, "cat-file", "-p", f"refs/tags/{tag}")
    for old, new, told in (
        ("bump: minor", "bump: patch", "bump is 'patch' without a reason"),
        ("the code of features changed", "the weather changed", "because is 'the weather changed'"),
    ):
        assert old in raw
        (shipped.root / "forged").write_text(raw.replace(old, new) + "\n")
        forged = git(shipped.clone, "hash-object", "-t", "tag", "-w", str(shipped.root / "forged"))
        git(shipped.clone, "update-ref", f"refs/tags/{tag}", forged)
        assert any(one["message"].startswith(told) for one in findings(shipped, capsys))
