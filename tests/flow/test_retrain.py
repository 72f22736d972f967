"""Retraining is one pull request that moves the data, however often it is asked for."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlgitops import settings, wiring
from mlgitops.core.digests import Digest
from mlgitops.core.errors import StepFailed, UsageError
from mlgitops.core.watches import Told
from mlgitops.files import WorkTree
from mlgitops.flow.retrain import NothingNew, Opened, Waits, retrain
from mlgitops.flow.run import run
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require
from mlgitops.report.retraining import body
from tests.flow.conftest import FILES
from tests.support import Origin, commit, git

MODEL = """\
apiVersion: mlgitops/v1
kind: Model
name: tiny
pipeline: tiny
artifact: train.model
task: regression
features: [weekday]
evaluation: {data: features.test, target: count, id: day, metrics: [mae]}
"""
SOURCES = """\
import pandas as pd


def rows(log, as_of):
    found = pd.read_csv(log)
    return found[found["day"] < as_of.date().isoformat()]
"""
PIN = "pipelines/tiny/snapshots/rows.yaml"
BRANCH = "mlgitops/data/tiny"


def moment(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


# The source is run, and what comes after it only declared.
@pytest.fixture
def project(origin: Origin) -> Path:
    """A clone whose shared branch pins the rows known on 11 December."""
    clone = origin.clone
    pipeline = FILES["pipelines/tiny/pipeline.yaml"].replace("2026-01-01", "2025-12-11")
    for json, other in (("rows: json", "rows: parquet"), ("model: json", "model: estimator")):
        pipeline = pipeline.replace(json, other)
    pipeline = pipeline.replace("{train: json, test: json}", "{train: parquet, test: parquet}")
    files = {
        **FILES,
        "pipelines/tiny/pipeline.yaml": pipeline,
        "pipelines/tiny/model.yaml": MODEL,
        "pipelines/tiny/sources.py": SOURCES,
    }
    commit(clone, files, "Add the tiny pipeline")
    seams = open_at(clone, "2025-12-11")
    run(seams, require(WorkTree(clone)), clone, pipeline="tiny", until="rows")
    commit(clone, {}, "Pin the rows")
    git(clone, "push", "--quiet")
    return clone


def open_at(clone: Path, day: str) -> Seams:
    real = wiring.seams(settings.read(clone), say=lambda _: None)
    return replace(real, clock=lambda: moment(day))


def state_of(origin: Origin) -> str:
    """Every ref that is shared: equal before and after means that nothing was written."""
    return git(origin.bare, "for-each-ref")


def test_new_data_becomes_one_pull_request_from_a_clean_clone(
    project: Path, origin: Origin, tmp_path: Path
) -> None:
    clone = tmp_path / "clean"
    git(tmp_path, "clone", "--quiet", str(origin.bare), str(clone))
    before = (git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain"))
    done = retrain(open_at(clone, "2025-12-16"), "tiny", page=body)

    assert isinstance(done, Opened) and done.wrote
    assert done.pull.change.head == BRANCH
    assert done.pull.change.title == "data(tiny): as of 2025-12-16T00:00:00Z"
    assert set(done.pull.change.labels) == {"mlgitops", "data", "model:tiny"}
    assert git(clone, "diff", "--name-only", "origin/main", f"origin/{BRANCH}") == PIN
    (moved,) = done.retraining.moved
    assert moved.before is not None and (moved.before.rows, moved.after.rows) == (10, 15)
    assert {check.name for check in done.pull.checks} >= {"mlgitops/gates", "mlgitops/policy"}
    assert all(check.state == "success" for check in done.pull.checks)
    # Nothing of the checkout was touched, and the bytes were stored before the pin was pushed.
    assert before == (git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain"))
    assert open_at(clone, "2025-12-16").store.has(Digest(moved.after.digest))


def test_asking_again_writes_nothing_also_at_another_time(project: Path, origin: Origin) -> None:
    first = retrain(open_at(project, "2026-01-04"), "tiny", page=body)
    shared = state_of(origin)
    again = retrain(open_at(project, "2026-01-05"), "tiny", page=body)

    assert isinstance(first, Opened) and isinstance(again, Opened)
    assert first.wrote and not again.wrote
    assert again.pull == first.pull
    assert state_of(origin) == shared


def test_newer_data_updates_the_pull_request_that_is_open(project: Path) -> None:
    first = retrain(open_at(project, "2025-12-16"), "tiny", page=body)
    later = retrain(open_at(project, "2025-12-18"), "tiny", page=body)

    assert isinstance(first, Opened) and isinstance(later, Opened)
    assert later.wrote and later.pull.number == first.pull.number
    assert later.retraining.moved[0].after.rows == 17
    assert later.pull.head_commit != first.pull.head_commit


def test_the_same_data_is_nothing_to_do(project: Path, origin: Origin) -> None:
    shared = state_of(origin)
    done = retrain(open_at(project, "2025-12-11"), "tiny", page=body)
    assert done == NothingNew(pipeline="tiny", as_of="2025-12-11T00:00:00Z", sources=("rows",))
    assert state_of(origin) == shared


def test_data_that_a_person_closed_is_not_proposed_again_but_other_data_is(
    project: Path, origin: Origin
) -> None:
    first = retrain(open_at(project, "2025-12-16"), "tiny", page=body)
    assert isinstance(first, Opened)
    open_at(project, "2025-12-16").forge.close(first.pull.number, by="Bo")
    shared = state_of(origin)

    # Four hours later the source still gives the same rows, with another as-of time.
    again = retrain(open_at(project, "2025-12-16T04:00:00"), "tiny", page=body)
    assert isinstance(again, Waits) and again.reason.startswith("Bo closed #1")
    assert state_of(origin) == shared

    other = retrain(open_at(project, "2025-12-17"), "tiny", page=body)
    assert isinstance(other, Opened) and other.pull.number == 2


def test_after_the_merge_there_is_nothing_to_do(project: Path) -> None:
    seams = open_at(project, "2025-12-16")
    done = retrain(seams, "tiny", page=body)
    assert isinstance(done, Opened)
    seams.forge.merge(done.pull.number, expect_head=done.pull.head_commit, by="Ada")
    assert isinstance(retrain(open_at(project, "2025-12-16"), "tiny", page=body), NothingNew)


def test_a_persons_commit_on_the_branch_is_not_overwritten(project: Path, tmp_path: Path) -> None:
    assert isinstance(retrain(open_at(project, "2025-12-16"), "tiny", page=body), Opened)
    git(project, "fetch", "--quiet")
    git(project, "switch", "--quiet", BRANCH)
    commit(project, {"pipelines/tiny/note.txt": "mine"}, "Mine")
    git(project, "push", "--quiet", "origin", BRANCH)
    git(project, "switch", "--quiet", "main")
    done = retrain(open_at(project, "2025-12-18"), "tiny", page=body)
    assert isinstance(done, Waits) and "commit of a person" in done.reason


def test_going_back_in_time_is_refused_with_the_place(project: Path) -> None:
    with pytest.raises(UsageError, match="before that") as refused:
        retrain(open_at(project, "2026-01-05"), "tiny", page=body, as_of=moment("2025-12-01"))
    assert refused.value.at is not None and refused.value.at.path == PIN


def test_a_source_that_fails_leaves_nothing_behind(project: Path, origin: Origin) -> None:
    broken = "def rows(log, as_of):\n    raise ValueError('the log is gone')\n"
    commit(project, {"pipelines/tiny/sources.py": broken}, "Break it")
    git(project, "push", "--quiet")
    shared = state_of(origin)
    with pytest.raises(StepFailed, match="the log is gone"):
        retrain(open_at(project, "2025-12-16"), "tiny", page=body)
    assert state_of(origin) == shared


def test_the_body_says_why_what_and_what_next(project: Path) -> None:
    done = retrain(
        open_at(project, "2025-12-16"), "tiny", page=body, reason="new stations @everywhere"
    )
    assert isinstance(done, Opened)
    retraining = replace(
        done.retraining,
        told=Told(
            model="tiny",
            environment="prod",
            version="1.0.0",
            at="2025-12-15T08:00:00Z",
            state="degraded",
            reasons=("mae 106 → 302 (95% interval 290 to 314)",),
            drifted=("tmin", "recent_demand"),
        ),
    )
    text = body(retraining)
    assert text.startswith("**NEW DATA** for `tiny`: 1 source moves, +5 rows\n")
    assert "was found **degraded** on 2025-12-15:\n\n- mae 106 → 302" in text
    assert "- columns that drifted since the release: `tmin`, `recent_demand`" in text
    assert "@everywhere" not in text, "a mention must not notify anybody"
    assert "| rows | now | 2025-12-11 | 10 |" in text
    assert "| | proposed | 2025-12-16T00:00:00Z | 15 |" in text
    assert "`mlgitops run tiny`" in text
