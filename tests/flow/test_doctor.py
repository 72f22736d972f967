"""Doctor: each thing that will not work is said before it does not, with what to do about it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlgitops.cli import main
from mlgitops.core import diagnoses
from mlgitops.core.diagnoses import Diagnosis, failed
from mlgitops.core.pins import pin_bytes, pin_path
from mlgitops.flow import doctor
from mlgitops.report.doctor import page
from mlgitops.store import Store
from mlgitops.store.local import LocalStore
from tests.flow.places import Place
from tests.support import Origin, commit, git, write


@pytest.fixture
def place(origin: Origin) -> Place:
    return Place.make(origin.clone)


def told(place: Place) -> dict[str, Diagnosis]:
    return {one.name: one for one in doctor.project(place.seams)}


def test_a_sound_repository_has_no_failure_and_says_that_bytes_are_only_here(place):
    found = told(place)
    assert not failed(found.values())
    assert {name for name, one in found.items() if one.state == "warn"} == {"bytes"}
    assert "on this machine only" in found["bytes"].detail
    assert found["specs"].detail == "1 pipeline, 1 model, 3 environments, 0 pins"
    assert found["branch"].detail.startswith("main at ")


def test_what_this_machine_has_is_named_with_versions():
    found = {one.name: one for one in doctor.machine()}
    assert not failed(found.values())
    assert found["git"].state == "ok"
    assert "onnxruntime " in found["extra ml"].detail
    assert "uvicorn " in found["extra serve"].detail
    assert "scikit-learn" not in found["extra serve"].detail


@pytest.mark.parametrize(
    ("version", "state"),
    [(None, "fail"), ((2, 37, 9), "fail"), ((2, 38), "ok"), ((2, 39, 5), "ok"), ((3, 0), "ok")],
)
def test_git_must_be_able_to_merge_in_memory(version, state):
    assert diagnoses.git(version).state == state


@pytest.mark.parametrize(
    ("distribution", "version", "bad"),
    [
        ("onnxruntime", "1.26.0", True),
        ("onnxruntime", "1.27.1", True),
        ("onnxruntime", "1.25.1", False),
        ("onnxruntime", "1.32.0", False),
        ("protobuf", "7.0.0", True),
        ("protobuf", "6.33.6", False),
        ("numpy", "7.0.0", False),
    ],
)
def test_versions_that_were_measured_to_be_wrong_are_known(distribution, version, bad):
    assert (diagnoses.known_bad(distribution, version) is not None) == bad


def test_without_a_remote_it_says_that_this_is_the_only_copy(repo: Path):
    found = told(Place.make(repo))
    assert (found["remote"].state, found["remote"].hint) == ("warn", "git remote add origin URL")


def test_a_password_in_the_address_of_the_remote_is_not_shown(place):
    git(place.root, "remote", "set-url", "origin", "https://ada:secret@example.com/x.git")
    assert told(place)["remote"].detail == "origin is https://***@example.com/x.git"


def test_a_repository_without_a_commit_says_so(tmp_path):
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    write(tmp_path, {"mlgitops.yaml": "apiVersion: mlgitops/v1\nkind: Project\nname: x\n"})
    found = {one.name: one for one in doctor.project(Place.seams_of(tmp_path))}
    assert found["branch"].state == "warn"
    assert "there is no branch 'main' yet" in found["branch"].detail


def test_another_default_branch_of_the_remote_is_seen(origin: Origin, tmp_path):
    place = Place.make(origin.clone)
    git(place.root, "push", "--quiet", "origin", "main:trunk")
    git(origin.bare, "symbolic-ref", "HEAD", "refs/heads/trunk")
    git(tmp_path, "clone", "--quiet", str(origin.bare), "other")
    found = {one.name: one for one in doctor.project(Place.seams_of(tmp_path / "other"))}
    assert found["branch"].detail == "mlgitops.yaml says 'main', origin has 'trunk'"


def test_a_shallow_clone_is_seen(place, origin: Origin, tmp_path):
    commit(place.root, {}, "One more")
    git(place.root, "push", "--quiet")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin.bare}", "shallow")
    found = {one.name: one for one in doctor.project(Place.seams_of(tmp_path / "shallow"))}
    assert found["history"].hint == "git fetch --unshallow"


def test_a_person_whom_git_does_not_know_is_asked_for_a_name(place, monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{part}")
    found = told(place)["identity"]
    assert found.state == "warn"
    assert found.hint is not None
    assert "git config --global user.name" in found.hint


def test_a_store_that_git_would_commit_is_seen(place):
    git(place.root, "rm", "--quiet", ".gitignore")
    assert told(place)["ignored"].state == "warn"


def test_a_pin_whose_tag_was_not_fetched_is_named(place):
    text = pin_bytes("churn", "1.0.0", place.pinned("1.0.0").digest).decode()
    commit(place.root, {pin_path("dev", "churn"): text})
    found = told(place)["tags"]
    assert (found.state, found.detail) == ("warn", "pinned, and not here: churn@v1.0.0")


def test_a_release_whose_bytes_are_elsewhere_is_named(place):
    place.release("1.0.0")
    assert told(place)["bytes"].detail == "not in this store: churn@v1.0.0"


def test_wrong_specs_are_a_failure_with_the_first_place(place):
    write(place.root, {"environments/prod/environment.yaml": "kind: Environment\n"})
    found = told(place)["specs"]
    assert (found.state, found.hint) == ("fail", "mlgitops validate")
    assert found.detail.startswith("environments/prod/environment.yaml:1:")


def test_a_store_that_cannot_be_written_is_a_failure(place, tmp_path):
    (tmp_path / "file").write_text("no folder")
    store: Store = LocalStore(tmp_path / "file" / "store")
    found = {one.name: one for one in doctor.project(replace(place.seams, store=store))}
    assert found["store"].state == "fail"


def test_owners_that_nobody_filled_in_are_seen(place):
    write(place.root, {".github/CODEOWNERS": "/environments/ @your-org/ml\n"})
    assert told(place)["owners"].state == "warn"


def test_the_page_says_state_and_hint_and_counts():
    found = [
        Diagnosis(name="git", state="ok", detail="2.39"),
        Diagnosis(name="remote", state="warn", detail="none", hint="git remote add"),
        Diagnosis(name="store", state="fail", detail="full"),
    ]
    assert page(found).splitlines() == [
        "ok    git     2.39",
        "warn  remote  none",
        "              hint: git remote add",
        "fail  store   full",
        "",
        "1 ok, 1 to look at, 1 broken",
    ]


def test_the_command_works_where_nothing_else_does(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "doctor"]) == 1
    assert "is not in a git repository" in capsys.readouterr().out
    git(tmp_path, "init", "--quiet")
    assert main(["-C", str(tmp_path), "doctor", "--json"]) == 1
    checks = {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["repository"]["state"] == "fail"
    assert checks["repository"]["hint"] == "`mlgitops init` makes one"
    assert checks["git"]["state"] == "ok"


def test_the_command_exits_0_on_warnings(place, capsys):
    assert main(["-C", str(place.root), "doctor"]) == 0
    assert "\x1b" not in capsys.readouterr().out
