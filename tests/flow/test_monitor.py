"""Monitoring: the journal of the pinned release against that release, and a verdict to believe."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.watches import Watch, to_json
from mlgitops.flow.monitor import keep, monitor
from mlgitops.flow.retrain import last_told
from mlgitops.report.monitor import page
from tests.flow.watched import LABELS, NOON, Watched, build, rows
from tests.support import Origin, RunCli

EARLIER = NOON - timedelta(days=2)


@pytest.fixture
def watched(origin: Origin) -> Watched:
    return build(origin)


def look(watched: Watched, **arguments: object) -> Watch:
    return monitor(watched.seams(), "bikes", "prod", **arguments)  # type: ignore[arg-type]


def reasons(watch: Watch) -> str:
    return "\n".join(reason.text for reason in watch.verdict.reasons)


# -- a verdict to believe ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10, 16))
def test_rows_like_those_of_the_release_are_healthy(watched: Watched, seed: int) -> None:
    served = rows(800, seed)
    watched.serve(served)
    # Every other time without true values, so that the inputs alone decide.
    if seed % 2:
        watched.label(served)
    watch = look(watched)
    assert watch.verdict.state == "healthy", reasons(watch)
    assert (watch.evidence.measured is not None) == bool(seed % 2)


def test_a_column_that_moved_is_named_first_and_the_verdict_is_degraded(watched: Watched) -> None:
    watched.serve(rows(800, seed=20, warmer=0.6))
    watch = look(watched)
    assert watch.verdict.state == "degraded"
    assert {one.name for one in watch.evidence.shifts if one.drifted} == {"prediction", "temp"}
    first, second = watch.verdict.reasons
    assert first.text.startswith("the predictions drifted: mean ")
    assert second.text.startswith("temp drifted: mean 14.55, sd 7.984 → mean 19.3")


def test_errors_that_grew_are_degraded_although_no_input_moved(watched: Watched) -> None:
    served = rows(800, seed=4, noise=7)
    watched.serve(served)
    watched.label(served)
    watch = look(watched)
    assert watch.verdict.state == "degraded"
    assert watch.verdict.reasons[0].topic == "performance"
    assert "mae" in reasons(watch) and "worse than the release" in reasons(watch)
    assert not [one for one in watch.evidence.shifts if one.drifted]


def test_errors_that_doubled_are_unhealthy(watched: Watched) -> None:
    served = rows(800, seed=5, noise=12)
    watched.serve(served)
    watched.label(served)
    assert look(watched).verdict.state == "unhealthy"


def test_errors_that_shrank_raise_no_alarm(watched: Watched) -> None:
    served = rows(800, seed=6, noise=1, warmer=0.6)
    watched.serve(served)
    watched.label(served)
    watch = look(watched)
    assert watch.verdict.state == "healthy", reasons(watch)
    assert any("temp drifted" in remark.text for remark in watch.verdict.remarks)


def test_a_few_rows_are_not_enough_and_it_says_how_many_are(watched: Watched) -> None:
    watched.serve(rows(15, seed=7, warmer=3))
    watch = look(watched)
    assert watch.verdict.state == "not enough data"
    assert reasons(watch).startswith("15 rows, and ")


def test_no_journal_is_not_enough_data(watched: Watched) -> None:
    assert look(watched).verdict.state == "not enough data"
    with pytest.raises(UsageError, match="no folder"):
        look(watched, journal=watched.clone / "elsewhere")


def test_the_same_data_give_the_same_verdict_to_the_last_digit(watched: Watched) -> None:
    served = rows(500, seed=8)
    watched.serve(served)
    watched.label(served)
    one, other = look(watched), look(watched)
    assert to_json(one) == to_json(other)


# -- which rows count -------------------------------------------------------------------------


def test_rows_of_another_release_are_left_out_and_counted(watched: Watched) -> None:
    watched.serve(rows(200, seed=3, warmer=3), digest=of_bytes(b"another"))
    watched.serve(rows(300, seed=9))
    window = look(watched).evidence.window
    assert (window.rows, window.others, window.requests) == (300, 200, 3)


def test_a_row_that_was_asked_twice_counts_once(watched: Watched) -> None:
    served = rows(300, seed=9)
    watched.serve(served)
    watched.serve(served.head(100), at=EARLIER + timedelta(hours=1))
    watched.serve(rows(50, seed=10), ids=False)
    window = look(watched).evidence.window
    assert (window.rows, window.repeats) == (350, 100)
    assert (window.first, window.last) == ("2026-01-03T12:00:00Z", "2026-01-03T13:00:00Z")


def test_only_the_window_is_read(watched: Watched) -> None:
    watched.serve(rows(100, seed=1), at=NOON - timedelta(days=40))
    watched.serve(rows(200, seed=2), at=NOON - timedelta(days=10))
    watched.serve(rows(300, seed=3), at=NOON - timedelta(days=3))
    assert look(watched).evidence.window.rows == 500
    assert look(watched, since=NOON - timedelta(days=5)).evidence.window.rows == 300
    assert look(watched, until=NOON - timedelta(days=5)).evidence.window.rows == 200


def test_a_journal_of_something_else_is_refused(watched: Watched) -> None:
    watched.serve(rows(100, seed=1))
    (path,) = watched.journal.glob("*.jsonl")
    entry = json.loads(path.read_text())
    del entry["inputs"]["rain"]
    path.write_text(json.dumps(entry) + "\n")
    with pytest.raises(MlgitopsError, match=r"request r0 .* does not fit the signature"):
        look(watched)


def test_values_that_the_release_never_saw_are_counted(watched: Watched) -> None:
    served = rows(400, seed=11)
    served.loc[:9, "temp"] = np.float32(500)
    watched.serve(served)
    (odd,) = [one for one in look(watched).evidence.quality if one.name == "temp"]
    assert odd.outside >= 10 and odd.range.startswith("-")


# -- true values ------------------------------------------------------------------------------


def test_true_values_are_joined_by_row_id_as_they_were_known_then(watched: Watched) -> None:
    served = rows(400, seed=12)
    watched.serve(served)
    watched.label(served.head(250), known=EARLIER + timedelta(hours=12))
    now = look(watched).evidence
    assert now.labelled is not None and now.measured is not None
    assert (now.labelled.found, now.measured.rows) == (250, 250)
    then = look(watched, as_of=EARLIER + timedelta(hours=6)).evidence
    assert then.labelled is not None and then.labelled.found == 0


def test_rows_too_young_for_their_true_value_are_left_out_of_performance(
    watched: Watched,
) -> None:
    old, young = rows(200, seed=12), rows(100, seed=13)
    watched.serve(old)
    watched.serve(young, at=NOON - timedelta(hours=3))
    watched.label(pd.concat([old, young]))
    labelled = look(watched).evidence.labelled
    assert labelled is not None
    assert (labelled.found, labelled.young) == (200, 100)


def test_contradictory_true_values_are_left_out_and_repeated_ones_count_once(
    watched: Watched,
) -> None:
    served = rows(300, seed=14)
    wrong = served.head(20).assign(count=served["count"].head(20) + 1)
    watched.serve(served)
    watched.label(pd.concat([served, wrong, served.tail(30)]))
    labelled = look(watched).evidence.labelled
    assert labelled is not None
    assert (labelled.found, labelled.contradictory) == (280, 20)


def test_labels_that_fail_are_a_remark_and_the_inputs_still_judged(watched: Watched) -> None:
    watched.serve(rows(800, seed=3, warmer=0.6))
    watched.labels_are(LABELS.replace("return rows", "raise OSError('the warehouse is away') #"))
    watch = look(watched)
    assert watch.verdict.state == "degraded"
    (told,) = [one.text for one in watch.verdict.remarks if one.topic == "performance"]
    assert told.startswith("performance is not known: ") and "the warehouse is away" in told


def test_requests_without_row_ids_cannot_be_joined_and_it_is_said(watched: Watched) -> None:
    served = rows(300, seed=3)
    watched.label(served)
    watched.serve(served, ids=False)
    labelled = look(watched).evidence.labelled
    assert labelled is not None and labelled.problem is not None
    assert "no request carried its row id" in labelled.problem


def test_labels_without_their_column_are_told(watched: Watched) -> None:
    watched.serve(rows(400, seed=3))
    watched.labels_are(LABELS.replace("return rows", "return rows.rename(columns={'count': 'n'})#"))
    labelled = look(watched).evidence.labelled
    assert labelled is not None and labelled.problem is not None
    assert "gave no column 'count'" in labelled.problem


# -- what is kept and shown -------------------------------------------------------------------


def test_a_verdict_is_kept_in_the_ledger_and_the_newest_one_is_told(watched: Watched) -> None:
    seams = watched.seams()
    assert last_told(seams.repository, "bikes") is None
    watched.serve(rows(800, seed=3, warmer=0.6))
    watch = look(watched)
    keep(seams, watch)
    told = last_told(seams.repository, "bikes")
    assert told is not None
    assert (told.state, told.environment, told.version) == ("degraded", "prod", "1.0.0")
    assert told.reasons == tuple(reason.text for reason in watch.verdict.reasons)
    later = replace(watch, verdict=replace(watch.verdict, state="healthy", reasons=()))
    keep(watched.seams(NOON + timedelta(hours=1)), later)
    newest = last_told(seams.repository, "bikes")
    assert newest is not None and newest.state == "healthy"
    assert last_told(seams.repository, "boats") is None


def test_the_page_says_the_verdict_first_and_what_to_do_last(watched: Watched) -> None:
    served = rows(800, seed=4, noise=7, warmer=0.6)
    watched.serve(served)
    watched.label(served)
    text = page(look(watched))
    lines = text.splitlines()
    assert lines[0] == "bikes 1.0.0 in prod: DEGRADED"
    assert lines[1].startswith("  - mae ")
    assert lines[-1] == "next: mlgitops retrain bikes"
    assert "800 rows in 8 requests" in text


def test_the_command_exits_by_the_verdict_and_prints_json(
    watched: Watched, run_cli: RunCli, tmp_path: Path
) -> None:
    args = ["monitor", "bikes", "--env", "prod", "--since", "2026-01-01", "--until", "2026-01-05"]
    done = run_cli(args, watched.clone)
    assert done.returncode == 4, done.stderr
    assert "NOT ENOUGH DATA" in done.stdout
    watched.serve(rows(800, seed=3, warmer=0.6))
    done = run_cli([*args, "--json"], watched.clone)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["verdict"] == "degraded"
    assert last_told(watched.seams().repository, "bikes") is not None
