"""History: git alone tells who released, moved and held a model, when, and on what evidence."""

import json
from datetime import UTC, datetime

import pytest

from mlgitops.core.digests import JSON
from mlgitops.core.errors import UsageError
from mlgitops.core.histories import History, approvers, pull_number, trailers
from mlgitops.core.pins import pin_bytes, pin_path
from mlgitops.flow import ledger
from mlgitops.flow.history import history
from mlgitops.report.history import page
from tests.flow.places import Place
from tests.support import Origin, RunCli, commit, git


@pytest.fixture
def place(origin: Origin) -> Place:
    return Place.make(origin.clone)


@pytest.fixture
def clock(monkeypatch):
    """`clock(9)`: what git does from here on happens at nine."""

    def at(hour: int) -> None:
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-03-01T{hour:02d}:00:00+01:00")

    return at


def kinds(told: History):
    return [(event.kind, event.environment, event.before, event.version) for event in told.events]


def test_the_story_of_a_model_from_release_to_rollback(place, clock):
    clock(9)
    place.release("1.0.0")
    clock(10)
    place.ship("dev", "1.0.0")
    clock(11)
    place.release("1.1.0")
    clock(12)
    place.ship("dev", "1.1.0", "1.0.0")
    clock(13)
    place.merge(place.propose("dev", "1.0.0", "1.1.0", back=True))
    assert kinds(history(place.seams, "churn")) == [
        ("rolled-back", "dev", "1.1.0", "1.0.0"),
        ("held", "dev", None, None),
        ("promoted", "dev", "1.0.0", "1.1.0"),
        ("released", None, None, "1.1.0"),
        ("promoted", "dev", None, "1.0.0"),
        ("released", None, None, "1.0.0"),
    ]


def test_a_merge_tells_who_proposed_who_approved_who_merged_and_on_what_evidence(place, clock):
    clock(10)
    pull = place.propose("dev", "1.0.0")
    place.seams.forge.approve(pull.number, by="Rui", expect_head=pull.head_commit)
    merged = place.merge(pull, by="Mia")
    (event,) = history(place.seams, "churn", "dev").events
    assert event.at == "2026-03-01T10:00:00+01:00"
    assert (event.by, event.proposed_by, event.approved_by) == ("Mia", "Ada Author", ("Rui",))
    assert (event.pull, event.commit) == (pull.number, merged)
    assert event.digest == place.pinned("1.0.0").digest
    assert event.evidence is not None
    assert event.evidence.startswith("environments/dev/records/churn/0001-")
    assert event.detail == "gates: 2 pass, 1 waiting"


def test_what_monitoring_said_stands_between_what_people_did(place, clock):
    clock(9)
    place.ship("dev", "1.0.0")
    look: dict[str, JSON] = {
        "model": "churn",
        "environment": "dev",
        "version": "1.0.0",
        "verdict": "degraded",
        "reasons": [{"topic": "performance", "text": "mae rose from 10 to 20"}],
        "columns": [],
    }
    at = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)  # an hour after the merge, which was in +01:00
    bodies: list[dict[str, JSON]] = [look, {**look, "model": "other"}, {"nonsense": 1}]
    for body in bodies:
        ledger.append(place.seams.repository, "monitor", body, at)
    clock(13)
    place.ship("dev", "1.1.0", "1.0.0")
    told = history(place.seams, "churn", "dev")
    assert [event.kind for event in told.events] == ["promoted", "observed", "promoted"]
    event = told.events[1]
    assert (event.version, event.detail) == ("1.0.0", "degraded; mae rose from 10 to 20")
    assert event.evidence is not None
    assert event.evidence.startswith("refs/mlgitops/ledger/2026:monitor/2026/03/01/")
    assert "observed" in page(told)
    assert [event.kind for event in history(place.seams, "churn", "prod").events] == []


def test_a_squashed_promotion_keeps_its_evidence(place):
    """A squash loses the proposer's commit and its trailers; the record came in with the pin."""
    pull = place.propose("dev", "1.0.0")
    git(place.root, "merge", "--quiet", "--squash", pull.head_commit)
    git(place.root, "commit", "--quiet", "-m", "promote(dev): churn 1.0.0 (#31)")
    git(place.root, "push", "--quiet")
    (event,) = history(place.seams, "churn", "dev").events
    assert (event.kind, event.version, event.pull) == ("promoted", "1.0.0", 31)
    assert event.detail == "gates: 2 pass, 1 waiting"


def test_a_pin_that_somebody_pushed_by_hand_is_seen_with_their_name_and_without_evidence(place):
    text = pin_bytes("churn", "1.0.0", place.pinned("1.0.0").digest).decode()
    commit(place.root, {pin_path("dev", "churn"): text}, "Just do it")
    git(place.root, "push", "--quiet")
    (event,) = history(place.seams, "churn", "dev").events
    assert (event.by, event.pull, event.evidence, event.detail) == ("Ada Author", None, None, "")


def test_a_lower_version_is_a_rollback_whoever_wrote_it(place):
    place.ship("dev", "1.1.0")
    text = pin_bytes("churn", "1.0.0", place.pinned("1.0.0").digest).decode()
    git(place.root, "pull", "--quiet")
    commit(place.root, {pin_path("dev", "churn"): text}, "Back, quickly")
    git(place.root, "push", "--quiet")
    assert kinds(history(place.seams, "churn", "dev"))[0] == (
        "rolled-back",
        "dev",
        "1.1.0",
        "1.0.0",
    )


def test_a_removed_pin_says_what_ran_there(place):
    place.ship("dev", "1.0.0")
    git(place.root, "pull", "--quiet")
    git(place.root, "rm", "--quiet", pin_path("dev", "churn"))
    commit(place.root, {}, "Retire it")
    git(place.root, "push", "--quiet")
    assert kinds(history(place.seams, "churn", "dev"))[0] == ("removed", "dev", "1.0.0", None)


def test_one_environment_hears_nothing_of_the_others(place):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    place.ship("staging", "1.0.0")
    assert kinds(history(place.seams, "churn", "staging")) == [
        ("promoted", "staging", None, "1.0.0")
    ]


def test_a_model_of_which_nothing_happened_has_an_empty_history(place):
    told = history(place.seams, "churn")
    assert told.events == ()
    assert page(told) == "churn\n\nnothing has happened yet"


@pytest.mark.parametrize(
    ("model", "environment", "hint"),
    [
        ("chrun", None, "did you mean 'churn'?"),
        ("churn", "prodd", "did you mean 'prod'?"),
        ("x", None, "there are: churn"),
    ],
)
def test_unknown_names_are_usage_errors_with_a_suggestion(place, model, environment, hint):
    with pytest.raises(UsageError) as refused:
        history(place.seams, model, environment)
    assert refused.value.hint == hint


def test_the_past_of_a_model_whose_spec_is_gone_can_still_be_told(place):
    place.release("1.0.0")
    git(place.root, "rm", "--quiet", "-r", "pipelines/churn")
    commit(place.root, {}, "Drop the model")
    git(place.root, "push", "--quiet")
    assert kinds(history(place.seams, "churn")) == [("released", None, None, "1.0.0")]


def test_a_shallow_clone_says_that_it_does_not_see_everything(place, origin, tmp_path):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    url = f"file://{origin.bare}"
    git(tmp_path, "clone", "--quiet", "--depth=1", url, "shallow")
    told = history(Place.seams_of(tmp_path / "shallow"), "churn")
    assert any("git fetch --unshallow" in note for note in told.notes)


def test_an_unreadable_record_is_said_and_breaks_nothing(place):
    text = pin_bytes("churn", "1.0.0", place.pinned("1.0.0").digest).decode()
    record = "environments/dev/records/churn/0001-abcdef123456.json"
    commit(place.root, {pin_path("dev", "churn"): text, record: '{"gates": [1]}'})
    git(place.root, "push", "--quiet")
    (event,) = history(place.seams, "churn", "dev").events
    assert event.detail == "the record is not readable"


def test_the_page_has_a_line_an_event(place, clock):
    clock(9)
    place.release("1.0.0")
    clock(10)
    commit_id = place.ship("dev", "1.0.0")
    lines = page(history(place.seams, "churn")).splitlines()
    assert lines[2].split() == ["when", "what", "where", "version", "by", "commit", "why"]
    assert lines[3] == (
        "2026-03-01 10:00  promoted  dev    1.0.0    Mia (proposed by Ada Author)  "
        f"{commit_id[:7]}  #1 · gates: 2 pass, 1 waiting"
    )
    assert len(lines) == 5


def test_the_command_prints_json(place, run_cli: RunCli):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    done = run_cli(["history", "churn", "--env", "dev", "--json"], place.root)
    assert done.returncode == 0, done.stderr
    (event,) = json.loads(done.stdout)["events"]
    assert (event["kind"], event["version"], event["by"]) == ("promoted", "1.0.0", "Mia")


def test_trailers_are_those_of_the_last_paragraph():
    message = "Body\n\nReviewed-by: Eve\n\nquoted\n\nPull-request: 7\nReviewed-by: Rui\n"
    assert trailers(message) == {"pull-request": ("7",), "reviewed-by": ("Rui",)}
    assert approvers(trailers(message)) == ("Rui",)


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Merge pull request 7: promote", 7),
        ("Merge pull request #12 from acme/x", 12),
        ("promote(prod): churn 1.0.0 (#31)", 31),
        ("Fix #4", None),
        ("Change", None),
    ],
)
def test_the_pull_request_is_found_in_the_forms_that_forges_write(subject, number):
    assert pull_number(subject, {}) == number
