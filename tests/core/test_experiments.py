"""Runs as the ledger has them: written and read, asked for by name, compared."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from mlgitops.core import ledgers
from mlgitops.core.differences import difference, to_json
from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import UsageError
from mlgitops.core.experiments import Made, Run, RunStep, outline_of, to_body, whole_of
from mlgitops.core.filters import condition, holds, named, ordered, require_name, since, values
from mlgitops.core.measures import Measure

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
FIT = RunStep(
    pipeline="churn",
    step="train",
    action="execute",
    because=("param seed 6 → 7",),
    key=of_bytes(b"key"),
    params={"seed": 7},
    metrics={"metrics.auc": Measure(value=0.8, low=0.7, high=0.9), "metrics.n": Measure(value=9.0)},
    inputs={"train": of_bytes(b"train"), "notes": of_bytes(b"notes")},
    files=("notes",),
    outputs={"metrics": Made(digest=of_bytes(b"m"), format="json", size=12, rows=1)},
    code={"train.py": of_bytes(b"code")},
    python="3.11",
    lock={"pandas": "2.2.0"},
    seconds=1.5,
    cpu=1.25,
    memory=1 << 20,
    attempts=2,
    undeclared=("a at b:1",),
    network=("example.com:443 at train.py:4",),
    log=of_bytes(b"log"),
)
FAILED = RunStep(pipeline="churn", step="report", action="fail", failure="it broke")
SKIPPED = RunStep(pipeline="churn", step="extra", action="skip", because=("when",))
RUN = Run(
    id="",
    at="",
    status="failed",
    seconds=2.5,
    steps=(FIT, FAILED, SKIPPED),
    params={"churn": {"seed": 7, "name": "x"}},
    commit="ab" * 20,
    branch="main",
    dirty=("train.py",),
    who="Ada",
    ci="https://ci.example/1",
    platform="linux-x86_64",
    version="0.1.0",
    asked={"force": True},
)


def recorded(run: Run) -> ledgers.Record:
    one = ledgers.record("run", to_body(run), AT)
    read = ledgers.from_bytes(one.path, ledgers.to_bytes(one))
    assert read is not None
    return read


def test_a_run_is_read_as_it_was_written() -> None:
    entry = recorded(RUN)
    assert whole_of(entry) == replace(RUN, id=entry.id, at=entry.at)
    outline = outline_of(entry)
    assert outline is not None
    assert [step.name for step in outline.steps] == ["churn.train", "churn.report", "churn.extra"]
    assert outline.steps[0].metrics == FIT.metrics
    assert outline.steps[0].code == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("run", 2),
        ("status", "great"),
        ("steps", [{"step": "a"}]),
        ("steps", 3),
        ("seconds", "long"),
        ("params", []),
        ("locks", {}),
    ],
)
def test_what_is_no_run_is_not_taken_for_one(name: str, value: object) -> None:
    body = {**to_body(RUN), name: value}
    entry = ledgers.record("run", json.loads(json.dumps(body)), AT)
    assert whole_of(entry) is None


def test_a_value_is_found_by_the_end_of_its_name() -> None:
    known = values(RUN)
    assert named(known, "train.metrics.auc") == named(known, "auc") == FIT.metrics["metrics.auc"]
    assert named(known, "seed") == named(known, "churn.params.seed") == 7
    assert named(known, "status") == "failed"
    assert named(known, "uc") is None
    twice = {**known, "churn.other.metrics.auc": Measure(value=0.1)}
    with pytest.raises(UsageError, match=r"'auc' means churn\.other\.metrics\.auc, churn\.train"):
        named(twice, "auc")
    with pytest.raises(UsageError, match="no run has 'acu'") as caught:
        require_name("acu", [known])
    assert caught.value.hint == "did you mean 'auc'?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.metrics.auc>0.7", True),
        ("train.metrics.auc > 0.8", False),
        ("auc>=0.8", True),
        ("auc<=0.79", False),
        ("params.seed=7", True),
        ("params.seed==7.0", True),
        ("params.seed!=7", False),
        ("status=failed", True),
        ("branch=main", True),
        ("branch!=main", False),
        ("who~ad", True),
        ("commit=abab", True),
        ("pipeline=churn", True),
        ("pipeline=chur", False),
        ("dirty=true", True),
        ("missing=1", False),
    ],
)
def test_a_condition_holds_or_not(text: str, expected: bool) -> None:
    assert holds(condition(text), values(RUN)) is expected


def test_a_condition_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="no condition"):
        condition("train.metrics.auc")
    with pytest.raises(UsageError, match="is a number"):
        holds(condition("auc>high"), values(RUN))


def test_runs_are_sorted_by_a_value_and_those_without_it_come_last() -> None:
    def of(value: float | None) -> Run:
        metrics = {} if value is None else {"m.auc": Measure(value=value)}
        return replace(RUN, id=str(value), steps=(replace(FIT, metrics=metrics),))

    pairs = [(run, values(run)) for run in (of(0.5), of(None), of(0.9), of(0.1))]
    assert [one.id for one, _ in ordered(pairs, "auc", ascending=False)] == [
        "0.9",
        "0.5",
        "0.1",
        "None",
    ]
    assert ordered(pairs, "auc", ascending=True)[0][0].id == "0.1"


def test_a_moment_is_an_age_or_a_date() -> None:
    assert since("7d", AT) == AT - timedelta(days=7)
    assert since("2026-01-01", AT) == datetime(2026, 1, 1, tzinfo=UTC)
    for wrong in ("soon", "7y", "2026-13-01"):
        with pytest.raises(UsageError, match="no moment"):
            since(wrong, AT)


def test_two_runs_differ_by_what_moved_and_nothing_else() -> None:
    better = replace(
        FIT,
        key=of_bytes(b"other"),
        params={"seed": 8},
        metrics={
            "metrics.auc": Measure(value=0.95, low=0.92, high=0.97),
            "metrics.n": Measure(value=9.0),
        },
        inputs={**FIT.inputs, "notes": of_bytes(b"more notes")},
        outputs={"metrics": Made(digest=of_bytes(b"n"), format="json", size=13, rows=1)},
        code={"train.py": of_bytes(b"new code"), "helper.py": of_bytes(b"h")},
        lock={"pandas": "2.3.0"},
        seconds=2.0,
    )
    old = replace(RUN, id="a")
    new = replace(RUN, id="b", steps=(better,), params={"churn": {"seed": 8, "name": "x"}})
    found = difference(old, new, old.steps, new.steps)
    assert [(one.name, one.old, one.new) for one in found.params] == [("churn.params.seed", 7, 8)]
    auc, n = found.metrics
    assert (auc.name, auc.overlap) == ("churn.train.metrics.auc", False)
    assert auc.delta == pytest.approx(0.15)
    assert (n.delta, n.overlap) == (0.0, None)
    assert [(one.file, one.old is None, one.steps) for one in found.code] == [
        ("train.py", False, ("train",)),
        ("helper.py", True, ("train",)),
    ]
    assert [one.name for one in found.data] == ["churn.train.inputs.notes", "churn.train.metrics"]
    assert [(one.name, one.old, one.new) for one in found.environment] == [
        ("pandas", "2.2.0", "2.3.0")
    ]
    assert [(one.old, one.new) for one in found.durations] == [(1.5, 2.0)]
    value = json.loads(json.dumps(to_json(found)))
    assert cast("dict[str, object]", value["metrics"][0])["overlap"] is False


def test_a_run_differs_from_itself_in_nothing() -> None:
    found = difference(RUN, RUN, RUN.steps, RUN.steps)
    assert (found.params, found.code, found.data, found.environment) == ((), (), (), ())
    assert all(one.old == one.new for one in found.metrics)


def test_a_reused_step_of_which_nothing_is_known_is_named() -> None:
    reused = RunStep(pipeline="churn", step="train", action="reuse", key=of_bytes(b"gone"))
    new = replace(RUN, steps=(reused,))
    found = difference(RUN, new, RUN.steps, new.steps)
    assert found.unknown == ("churn.train",)
    assert found.code == ()
