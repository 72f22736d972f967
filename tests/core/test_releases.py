"""Releases: what a tag says, when two are the same, and which version comes next."""

from dataclasses import replace

import pytest

from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.release_documents import from_message, message
from mlgitops.core.releases import Release, Version, bump_for, identity, newest, parse_tag, tag_name
from tests.core.facts import lineage, release_document, step


def released(version: str) -> Release:
    document = release_document(version)
    return Release(
        document=document,
        tag=tag_name("churn", document.version),
        tag_object="1" * 40,
        commit="2" * 40,
        released_at="2026-01-05T09:00:00+00:00",
        released_by="Ada",
    )


def test_versions_are_ordered_as_numbers_and_not_as_text():
    assert Version.parse("1.10.0") > Version.parse("1.9.9") > Version.parse("v1.2.30")


@pytest.mark.parametrize("text", ["1.0", "1.0.0-rc1", "01.0.0", "1.0.0\n", "", "v", "1.0.0.0"])
def test_what_is_no_version_is_refused_with_the_form(text):
    with pytest.raises(MlgitopsError) as refused:
        Version.parse(text)
    assert refused.value.hint == "write it as 1.4.0"


@pytest.mark.parametrize(
    ("bump", "next_one"),
    [("first", "1.0.0"), ("major", "2.0.0"), ("minor", "1.5.0"), ("patch", "1.4.8")],
)
def test_a_bump_clears_what_stands_behind_it(bump, next_one):
    assert str(Version(1, 4, 7).bumped(bump)) == next_one


def test_a_tag_names_model_and_version():
    assert parse_tag(tag_name("churn-eu", Version(1, 4, 0))) == ("churn-eu", Version(1, 4, 0))


@pytest.mark.parametrize("name", ["churn", "churn@1.0.0", "v1.0.0", "churn@v1.0", "Churn@v1.0.0"])
def test_other_tags_are_no_releases(name):
    assert parse_tag(name) is None


def test_a_document_survives_the_tag_message():
    document = release_document("1.4.0")
    assert from_message(message(document)) == document
    assert message(document).startswith("churn 1.4.0\n\napiVersion: mlgitops/v1\nkind: Release\n")


@pytest.mark.parametrize("text", ["", "Release 1.0", "churn 1.0.0\n\n{}", "x\n\n{]", "x\n\n[1]"])
def test_a_message_without_a_document_is_an_error_and_no_crash(text):
    with pytest.raises(MlgitopsError, match="no release document"):
        from_message(text)


def test_neither_version_nor_commit_nor_timing_makes_another_release():
    document = release_document("1.0.0")
    later = replace(
        document,
        version=Version(9, 0, 0),
        measured={"latency_p99_ms": 99.0},
        lineage=replace(document.lineage, commit="d" * 40),
    )
    assert later.identity == document.identity


def test_other_bytes_other_evaluation_data_or_other_steps_make_another_release():
    document = release_document()
    files = document.files
    others = [
        identity({**files, "model.onnx": of_bytes(b"other")}, document.lineage),
        identity({**files, "signature.json": of_bytes(b"other")}, document.lineage),
        identity({**files, "evaluation.parquet": of_bytes(b"other")}, document.lineage),
        identity(files, lineage(train=step("train", params=8))),
    ]
    assert len({document.identity, *others}) == 5


def test_the_newest_release_is_the_highest_version_not_the_last_in_the_list():
    assert newest([released("1.10.0"), released("1.9.0")]) == released("1.10.0")
    assert newest([]) is None


def test_the_first_release_is_1_0_0_and_says_so():
    assert bump_for(None, lineage(), ()) == ("first", ("the first release",))


def test_a_signature_that_callers_must_follow_is_major_whatever_else_changed():
    old = release_document()
    broken = ("input 'age' is gone",)
    assert bump_for(old, lineage(train=step("other")), broken) == ("major", broken)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (step("other code"), "the code of train changed"),
        (step("train", params=8), "the parameters of train changed"),
    ],
)
def test_code_and_parameters_are_minor_and_named(after, reason):
    assert bump_for(release_document(), lineage(train=after), ()) == ("minor", (reason,))


def test_a_step_more_or_less_is_minor_and_named():
    more = lineage(calibrate=step("calibrate"))
    assert bump_for(release_document(), more, ()) == ("minor", ("step calibrate is new",))
    old = replace(release_document(), lineage=more)
    assert bump_for(old, lineage(), ()) == ("minor", ("step calibrate is gone",))


def test_new_data_alone_is_patch():
    fresh = replace(
        lineage(),
        snapshots={"rows": {"digest": of_bytes(b"new"), "as_of": "2026-02-01", "rows": 9}},
    )
    assert bump_for(release_document(), fresh, ()) == ("patch", ("the data of rows changed",))


def test_a_patch_is_never_blamed_on_what_did_not_change():
    old = release_document()
    locked = lineage(train=replace(step("train"), lock=of_bytes(b"lock")))
    assert bump_for(old, locked, ()) == ("patch", ("the environment lock of train changed",))
    fed = lineage(train=replace(step("train"), inputs={"rows": of_bytes(b"a file of the repo")}))
    assert bump_for(old, fed, ()) == ("patch", ("the inputs of train changed",))
