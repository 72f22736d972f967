"""Which steps run: one alone, one and all behind it, other params, once for each value."""

from pathlib import Path

import pytest

from mlgitops.core.errors import Refused, StepFailed, UsageError
from mlgitops.core.plans import Execute
from mlgitops.flow.backfill import Backfill, backfill
from mlgitops.flow.choosing import Choice
from mlgitops.report.backfill import backfill_json, page
from tests.flow.conftest import RunTiny, actions, edit, seams_of, workspace
from tests.support import git, write


def test_only_runs_one_step_and_asks_that_its_inputs_are_known(
    run_tiny: RunTiny, root: Path
) -> None:
    with pytest.raises(Refused, match=r"tiny\.rows would run: no snapshot"):
        run_tiny(only="train")
    run_tiny()
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    assert actions(run_tiny(only="train"))["train"] == "Execute"
    assert actions(run_tiny(only="features", force=True)) == {
        "rows": "Reuse",
        "features": "Execute",
    }
    edit(root, "pipeline.yaml", "keep: 8", "keep: 9")
    with pytest.raises(Refused, match=r"tiny\.features would run: param keep 8 → 9"):
        run_tiny(only="train")
    with pytest.raises(UsageError, match="only one of"):
        run_tiny(only="train", until="train")


def test_from_runs_a_step_and_all_behind_it_anew(run_tiny: RunTiny, said: list[str]) -> None:
    run_tiny()
    assert actions(run_tiny(start="features")) == {
        "rows": "Reuse",
        "features": "Execute",
        "train": "Execute",
    }
    assert "tiny.train: started: --from features" in said


def test_another_param_is_of_this_run_alone(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    result = run_tiny(params={"seed": 9})
    assert actions(result) == {"rows": "Reuse", "features": "Reuse", "train": "Execute"}
    record = next(ran.record for ran in result.steps if ran.decision.step == "train")
    assert record is not None and record.parts.params == {"seed": 9}
    assert git(root, "status", "--porcelain") == "?? pipelines/tiny/snapshots/"
    with pytest.raises(UsageError, match="no param 'sead'") as caught:
        run_tiny(params={"sead": 9})
    assert caught.value.hint == "did you mean 'seed'?"


PAIR = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: pair
params: {n: 0}
steps:
  - {name: good, run: "both:good", outputs: {out: json}}
  - {name: bad, run: "both:bad", outputs: {out: json}}
  - {name: behind, run: "both:behind", inputs: {x: bad.out}, outputs: {o: json}}
  - {name: beside, run: "both:behind", inputs: {x: good.out}, outputs: {o: json}}
"""


def test_keep_going_does_what_does_not_need_what_failed(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    code = (
        "def good():\n    return 1\n\n\ndef bad():\n    1 / 0\n\n\ndef behind(x):\n    return x\n"
    )
    write(root, {"pipelines/pair/pipeline.yaml": PAIR, "pipelines/pair/both.py": code})
    with pytest.raises(StepFailed, match="ZeroDivisionError"):
        run_tiny(pipeline="pair", keep_going=True)
    assert said[-1].startswith("2 steps ran, 0 reused, 1 failed, 1 not reached, in ")
    with pytest.raises(StepFailed):
        run_tiny(pipeline="pair", jobs=1)
    assert actions(run_tiny(pipeline="pair", until="beside")) == {
        "good": "Reuse",
        "beside": "Reuse",
    }


def filled(root: Path, *values: int, keep_going: bool = False) -> Backfill:
    return backfill(
        seams_of(root, []),
        workspace(root),
        root,
        choice=Choice(pipeline="tiny"),
        param="keep",
        values=values,
        keep_going=keep_going,
    )


def test_a_backfill_runs_once_for_each_value_and_shares_the_rest(root: Path) -> None:
    done = filled(root, 5, 6, 7)
    assert done.error is None
    ran = [
        [ran.decision.step for ran in one.steps if isinstance(ran.decision, Execute)]
        for one in done.passes
    ]
    assert sorted(step for steps in ran for step in steps) == [
        *["features"] * 3,
        "rows",
        *["train"] * 3,
    ]
    lines = page(done).splitlines()
    assert lines[0].split() == ["keep", "ran", "reused", "skipped", "seconds", "state"]
    assert [line.split()[0] for line in lines[-3:]] == ["5", "6", "7"]
    assert all(line.endswith("done") for line in lines[-3:])
    again = filled(root, 6, 8)
    assert [sum(isinstance(r.decision, Execute) for r in one.steps) for one in again.passes] == [
        0,
        2,
    ]


def test_a_value_that_fails_is_said_and_the_others_are_done(root: Path) -> None:
    edit(root, "features.py", "    values", "    1 / (keep - 6)\n    values")
    done = filled(root, 5, 6, 7, keep_going=True)
    assert done.error is not None and "tiny.features (keep=6) failed" in done.error.message
    assert [one.missing for one in done.passes] == [(), ("features", "train"), ()]
    assert "without features, train" in page(done)
    shown = backfill_json(done)
    assert isinstance(shown, dict) and shown["param"] == "keep"
