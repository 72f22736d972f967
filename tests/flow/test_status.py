"""Status: what runs where, what is on its way, and why a cell is what it is."""

import json

import pytest

from mlgitops.core.errors import Refused, UsageError
from mlgitops.core.pins import pin_bytes, pin_path
from mlgitops.core.statuses import Matrix, to_json
from mlgitops.flow.status import status
from mlgitops.report.status import page
from mlgitops.report.tables import ansi
from tests.flow.places import Place
from tests.support import Origin, RunCli, commit, git, write


@pytest.fixture
def place(origin: Origin) -> Place:
    return Place.make(origin.clone)


def cells(matrix: Matrix):
    (row,) = matrix.rows
    return {name: (cell.state, cell.because) for name, cell in row.environments.items()}


def test_before_anything_is_released_every_cell_says_how_to_begin(place):
    matrix = status(place.seams)
    assert matrix.environments == ("dev", "staging", "prod"), "the order of promotion"
    assert matrix.place == "origin/main"
    told = "nothing is released yet: mlgitops release churn"
    assert cells(matrix) == dict.fromkeys(("dev", "staging", "prod"), ("none", told))


def test_a_merged_promotion_is_pinned_and_the_rest_says_what_comes_next(place):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    assert cells(status(place.seams)) == {
        "dev": ("pinned", "the newest release"),
        "staging": (
            "none",
            "nothing was promoted here yet: mlgitops promote churn --to staging",
        ),
        "prod": ("none", "nothing was promoted here yet: mlgitops promote churn --to prod"),
    }


def test_an_older_pin_says_how_far_it_is_behind(place):
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        place.release(version)
    place.ship("dev", "1.0.0")
    assert cells(status(place.seams))["dev"] == ("pinned", "2 releases behind 1.2.0")


def test_an_open_promotion_says_where_it_goes_and_what_it_waits_for(place):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    place.release("1.1.0")
    pull = place.propose("dev", "1.1.0", "1.0.0")
    place.check(pull, "mlgitops/render", "success")
    place.check(pull, "mlgitops/gates", "pending", "approval: 0 of 1")
    matrix = status(place.seams)
    told = "#2 moves it to 1.1.0, waits for mlgitops/gates (approval: 0 of 1)"
    assert cells(matrix)["dev"] == ("promoting", told)
    cell = matrix.rows[0].environments["dev"]
    assert cell.to_json() == {
        "version": "1.0.0",
        "digest": place.pinned("1.0.0").digest,
        "state": "promoting",
        "because": told,
        "pull": 2,
        "to": "1.1.0",
    }


def test_a_merged_rollback_holds_the_model_and_an_open_one_shows_before_everything(place):
    place.release("1.0.0")
    place.release("1.1.0")
    place.ship("dev", "1.1.0")
    pull = place.propose("dev", "1.0.0", "1.1.0", back=True)
    assert cells(status(place.seams))["dev"][0] == "rolling-back"
    place.merge(pull)
    assert cells(status(place.seams))["dev"] == ("held", "held by Rui: it broke")


def test_a_pin_with_another_digest_than_its_tag_is_a_mismatch(place):
    place.release("1.0.0")
    forged = pin_bytes("churn", "1.0.0", "sha256:" + "0" * 64).decode()
    commit(place.root, {pin_path("dev", "churn"): forged})
    git(place.root, "push", "--quiet")
    state, because = cells(status(place.seams))["dev"]
    assert (state, because) == (
        "mismatch",
        "the pin's digest is not the one in the tag churn@v1.0.0",
    )


def test_a_pin_whose_tag_is_not_here_is_no_error(place):
    place.ship("dev", "1.0.0")
    told = "the tag churn@v1.0.0 is not here: git fetch --tags"
    assert cells(status(place.seams))["dev"] == ("pinned", told)


def test_what_others_merged_is_seen_from_a_clone_that_did_not_pull(place, origin, tmp_path):
    git(tmp_path, "clone", "--quiet", str(origin.bare), "other")
    other = Place(tmp_path / "other", Place.seams_of(tmp_path / "other"))
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    assert cells(status(other.seams, offline=True))["dev"][0] == "none"
    assert cells(status(other.seams))["dev"][0] == "pinned"


def test_local_reads_the_files_here_committed_or_not(place):
    place.release("1.0.0")
    text = pin_bytes("churn", "1.0.0", place.pinned("1.0.0").digest).decode()
    write(place.root, {pin_path("dev", "churn"): text})
    matrix = status(place.seams, local=True)
    assert (matrix.place, matrix.commit) == ("the work tree", None)
    assert cells(matrix)["dev"] == ("pinned", "the newest release")
    assert cells(status(place.seams))["dev"][0] == "none"


def test_a_remote_that_is_away_is_a_note_and_no_error(place, origin):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    origin.bare.rename(origin.bare.with_name("gone.git"))
    matrix = status(place.seams)
    assert cells(matrix)["dev"] == ("pinned", "the newest release")
    assert [note.partition(":")[0] for note in matrix.notes] == [
        "not up to date",
        "open pull requests are not known",
    ]
    assert not any("\n" in note for note in matrix.notes)


def test_an_unknown_model_is_a_usage_error_with_a_suggestion(place):
    with pytest.raises(UsageError, match="no model 'chrun'") as refused:
        status(place.seams, "chrun")
    assert refused.value.hint == "did you mean 'churn'?"


def test_specs_with_errors_are_refused_and_not_half_shown(place):
    commit(place.root, {"environments/prod/environment.yaml": "kind: Environment\n"})
    git(place.root, "push", "--quiet")
    with pytest.raises(Refused):
        status(place.seams)


def test_the_page_is_a_matrix_with_a_line_for_what_is_not_simply_in_place(place):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    place.release("1.1.0")
    place.propose("dev", "1.1.0", "1.0.0")
    lines = page(status(place.seams)).splitlines()
    assert lines[0].startswith("origin/main at ")
    assert lines[2:4] == [
        "model  released  dev                 staging  prod",
        "churn  1.1.0     1.0.0 → 1.1.0 (#2)  –        –",
    ]
    assert "dev · churn: #2 moves it to 1.1.0, ready to merge" in lines
    assert "\x1b" not in "".join(lines)
    assert "\x1b[33m1.0.0 → 1.1.0 (#2)\x1b[0m" in page(status(place.seams), ansi)


def test_the_command_prints_json_and_no_colour_into_a_pipe(place, run_cli: RunCli):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    done = run_cli(["status", "--json"], place.root)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told == to_json(status(place.seams))
    (model,) = told["models"]
    assert (model["model"], model["released"]) == ("churn", "1.0.0")
    assert model["environments"]["dev"]["state"] == "pinned"
    assert "\x1b" not in run_cli(["status"], place.root).stdout


def test_what_a_commit_says_is_read_once_and_the_same_afterwards(place):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    place.release("1.1.0")
    place.merge(place.propose("staging", "1.0.0", "1.1.0", back=True))
    first = status(place.seams)
    (told,) = (place.root / ".git/mlgitops").glob("told")
    assert status(place.seams) == first
    assert cells(first)["staging"] == ("held", "held by Rui: it broke")
    told.write_bytes(told.read_bytes().replace(b"it broke", b"it worked"))
    assert status(place.seams) == first
    place.ship("dev", "1.1.0", "1.0.0")
    assert cells(status(place.seams))["dev"] == ("pinned", "the newest release")
