"""Promotions: one identity, one branch, one record; and where two trees differ."""

from dataclasses import replace
from typing import cast

import pytest

from mlgitops.core.comparing import differences
from mlgitops.core.digests import document, of_bytes
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.gates import GateResult
from mlgitops.core.promotions import (
    Pinned,
    Promotion,
    commit_message,
    parse_branch,
    record,
    record_path,
)
from mlgitops.core.release_documents import from_message, message
from mlgitops.core.releases import Version, bump_for, parse_tag
from mlgitops.core.trees import MemoryTree
from tests.core.facts import lineage, release_document, step

PROMOTION = Promotion(
    action="promote",
    environment="prod",
    model="churn",
    before=Pinned(version=Version(1, 0, 0), digest=of_bytes(b"old")),
    after=Pinned(version=Version(1, 1, 0), digest=of_bytes(b"new")),
    policy=of_bytes(b"policy"),
    renderer=1,
)


def test_the_fingerprint_changes_with_everything_that_the_promotion_is_about():
    changed = [
        replace(PROMOTION, environment="staging"),
        replace(PROMOTION, before=None),
        replace(PROMOTION, after=replace(PROMOTION.after, digest=of_bytes(b"other"))),
        replace(PROMOTION, policy=of_bytes(b"other policy")),
        replace(PROMOTION, action="rollback"),
    ]
    assert len({one.fingerprint for one in [PROMOTION, *changed]}) == len(changed) + 1


def test_a_branch_names_its_promotion_and_other_branches_name_none():
    assert parse_branch(PROMOTION.branch) == ("promote", "prod", "churn")
    assert parse_branch("mlgitops/data/churn") is None
    assert parse_branch("feature/mlgitops/promote/prod/churn") is None


def test_a_long_model_name_is_cut_in_the_title_and_the_versions_stay_whole():
    title = replace(PROMOTION, model="m" * 200).title
    assert len(title) <= 120
    assert title.endswith(" 1.0.0 → 1.1.0")


def test_the_record_keeps_what_was_proposed_and_leaves_out_what_time_and_people_decide():
    results = [
        GateResult(gate="a", state="pass", detail="1"),
        GateResult(gate="previous", kind="previous", state="pass", detail="2"),
    ]
    kept = record(PROMOTION, results, None)
    gates = cast("list[dict[str, str]]", kept["gates"])
    assert [gate["gate"] for gate in gates] == ["a"]
    assert kept["fingerprint"] == PROMOTION.fingerprint
    assert record_path(PROMOTION, 3).startswith("environments/prod/records/churn/0003-")


def test_the_commit_carries_trailers_that_history_reads():
    text = commit_message(PROMOTION, "environments/prod/records/churn/x.json")
    assert "Mlgitops-From: 1.0.0\nMlgitops-To: 1.1.0\n" in text


def test_a_tag_message_reads_back_as_the_document_that_was_written():
    written = release_document()
    assert from_message(message(written)) == written


def test_a_tag_message_without_a_document_is_refused():
    with pytest.raises(MlgitopsError):
        from_message("v1\n\n{not json")


def test_only_release_tags_are_read_as_releases():
    assert parse_tag("churn@v1.2.3") == ("churn", Version(1, 2, 3))
    assert parse_tag("v1.2.3") is None
    assert parse_tag("churn@v1.2") is None


@pytest.mark.parametrize(
    ("changed", "broken", "bump"),
    [
        ({}, ("input 'x' is gone",), "major"),
        ({"features": step("other code")}, (), "minor"),
        ({"train": step("train", params=8)}, (), "minor"),
        ({"features": step("features", data="other rows")}, (), "patch"),
    ],
)
def test_the_version_bump_follows_from_what_changed(changed, broken, bump):
    assert bump_for(release_document(), lineage(**changed), broken)[0] == bump


def test_the_identity_of_a_release_is_free_of_version_time_and_timing():
    one = release_document("1.0.0")
    other = replace(release_document("2.0.0"), measured={"latency_p99_ms": 99.0})
    assert one.identity == other.identity
    assert release_document(onnx=b"other").identity != one.identity


def test_a_changed_json_file_is_named_with_the_key_that_differs():
    wanted = document({"comparison": {"rows": 400, "delta": -0.25}})
    tree = MemoryTree({"r.json": wanted.replace(b"-0.25", b"-0.35")})
    (finding,) = differences("record", {"r.json": wanted}, tree, hint="undo")
    assert finding.message == "/comparison/delta is -0.35, and must be -0.25"
    assert (finding.at.path, finding.at.line) == ("r.json", 3)


def test_any_other_byte_counts_too():
    wanted = document({"a": 1})
    for changed in (wanted + b"\n", wanted.replace(b"1", b"1.0"), wanted.replace(b" ", b"  ")):
        assert list(differences("record", {"r": wanted}, MemoryTree({"r": changed}), hint=""))
    assert not list(differences("record", {"r": wanted}, MemoryTree({"r": wanted}), hint=""))


def test_a_file_that_nothing_explains_and_a_missing_one_are_both_named():
    tree = MemoryTree({"extra": b""})
    found = list(differences("x", {"extra": None, "missing": b"1"}, tree, hint=""))
    assert [f.at.path for f in found] == ["extra", "missing"]
