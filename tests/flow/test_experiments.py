"""Runs are remembered in the ledger, found again, listed and compared."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from mlgitops.core.errors import StepFailed, StoreError, UsageError
from mlgitops.core.experiments import Run
from mlgitops.core.filters import condition
from mlgitops.flow.experiments import Experiments, open_experiments, push
from mlgitops.flow.run import RunResult, run
from tests.flow.conftest import FILES, RunTiny, edit, seams_of, workspace
from tests.support import Origin, commit, git, write

LEDGER = "refs/mlgitops/ledger/"
MINUTES = count()


@pytest.fixture
def run_tiny(root: Path, said: list[str]) -> RunTiny:
    """`run_tiny(**arguments)` → one whole `run`, each a minute after the one before."""

    def once(**arguments: object) -> RunResult:
        said.clear()
        at = datetime(2026, 1, 5, 9, 0, tzinfo=UTC) + timedelta(minutes=next(MINUTES))
        seams = replace(seams_of(root, said), clock=lambda: at)
        return run(seams, workspace(root), root, **arguments)  # type: ignore[arg-type]

    return once


def known(root: Path) -> Experiments:
    return open_experiments(seams_of(root, []))


def last(root: Path) -> Run:
    found = known(root)
    return found.find("latest")


def did(one: Run) -> dict[str, str]:
    return {step.step: step.action for step in one.steps}


def test_a_run_is_remembered_and_one_with_nothing_to_do_is_not(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny()
    tips = git(root, "for-each-ref", LEDGER)
    one = last(root)
    assert (one.status, one.branch, one.who) == ("done", "main", "Ada Author")
    assert one.commit == git(root, "rev-parse", "HEAD")
    assert one.dirty == ("pipelines/tiny/snapshots/",)
    assert one.params == {"tiny": {"keep": 8, "seed": 7}}
    assert did(one) == {"rows": "execute", "features": "execute", "train": "execute"}
    features = known(root).steps_of(one)[1]
    assert features.because == ("never ran",)
    assert features.code.keys() == {"features.py", "helper.py"}
    assert features.params == {"keep": 8}
    assert features.outputs["train"].format == "json"
    assert features.python
    assert features.memory > 1_000_000
    run_tiny()
    assert git(root, "for-each-ref", LEDGER) == tips


def test_numbers_that_a_step_returns_are_metrics(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    (mean,) = [one for one in last(root).steps[2].metrics.items() if one[0] == "model.mean"]
    assert mean[1].value > 0
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    run_tiny()
    reused = known(root)
    (best, _), *_ = reused.chosen(conditions=[condition("params.seed=8")], sort="train.model.mean")
    assert best.params["tiny"]["seed"] == 8


def test_what_failed_is_remembered_with_its_reason(run_tiny: RunTiny, root: Path) -> None:
    edit(root, "train.py", "return", "raise ValueError('no')\n    return")
    with pytest.raises(StepFailed):
        run_tiny()
    one = last(root)
    assert one.status == "failed"
    assert did(one)["train"] == "fail"
    train = known(root).steps_of(one)[-1]
    assert train.failure is not None
    assert "ValueError: no" in train.failure
    assert train.params == {"seed": 7}
    assert train.because == ("never ran",)


def test_what_was_asked_for_is_remembered(run_tiny: RunTiny, root: Path) -> None:
    run_tiny(pipeline="tiny", until="features", force=True, params={"keep": 3})
    one = last(root)
    assert one.asked == {
        "pipeline": "tiny",
        "until": "features",
        "force": True,
        "params": {"keep": 3},
    }
    assert one.params["tiny"]["keep"] == 3


def test_a_ledger_that_cannot_be_written_fails_no_run(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    lock = root / ".git/refs/mlgitops"
    lock.write_text("in the way")
    result = run_tiny()
    assert len(result.executed) == 3
    assert any(line.startswith("note: this run is not in the ledger: ") for line in said)
    assert list((root / ".git").glob("fast_import_crash*")) == []


def test_two_runs_at_once_are_both_remembered(root: Path) -> None:
    specs = workspace(root)

    told: dict[str, list[str]] = {"features": [], "train": []}

    def once(step: str) -> None:
        run(seams_of(root, told[step]), specs, root, until=step, force=True)

    threads = [threading.Thread(target=once, args=(step,)) for step in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whoever finds all its work done by the other has done nothing, and nothing is remembered.
    idle = {step for step, said in told.items() if any("nothing to do" in line for line in said)}
    assert len(idle) < len(told)
    remembered = {str(one.asked["until"]) for one in known(root).runs}
    assert remembered == told.keys() - idle


def test_runs_are_compared_by_what_each_was_made_of(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Pin")
    edit(root, "helper.py", "int(row['count'])", "2 * int(row['count'])")
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    run_tiny()
    found = known(root).compare("latest~1", "latest")
    assert [(one.name, one.old, one.new) for one in found.params] == [("tiny.params.seed", 7, 8)]
    assert [(one.file, one.steps) for one in found.code] == [("helper.py", ("features",))]
    assert {one.name for one in found.data} == {
        "tiny.features.train",
        "tiny.features.test",
        "tiny.train.model",
    }
    assert found.unknown == ()
    assert [one.name for one in found.durations if one.new is None] == ["tiny.rows"]


def test_going_back_is_compared_although_nothing_of_it_ran(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "helper.py", "int(row['count'])", "2 * int(row['count'])")
    run_tiny()
    edit(root, "helper.py", "2 * int(row['count'])", "int(row['count'])")
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    run_tiny()
    found = known(root).compare("latest~1", "latest")
    assert did(found.new)["features"] == "reuse"
    assert [(one.file, one.steps) for one in found.code] == [("helper.py", ("features",))]


def test_a_run_is_found_by_its_id_and_by_where_it_ran(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    git(root, "tag", "first")
    commit(root, {"README.md": "more"})
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    run_tiny()
    found = known(root)
    first, second = found.runs
    assert found.find(first.id[:8]) is first
    assert found.find("latest") is second
    assert found.find("latest~1") is first
    assert found.find("first") is found.find("HEAD~1") is first
    assert found.find("main") is second
    for word, message in {
        "ffff": "neither a run nor a commit",
        "latest~2": "there are 2 runs",
        "nowhere": "neither a run nor a commit",
    }.items():
        with pytest.raises(UsageError, match=message):
            found.find(word)
    commit(root, {"README.md": "even more"})
    with pytest.raises(UsageError, match="nothing was run at HEAD"):
        found.find("HEAD")


def test_a_record_that_somebody_edited_is_named(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    ref = git(root, "for-each-ref", "--format=%(refname)", LEDGER)
    path = git(root, "ls-tree", "-r", "--name-only", ref)
    data = json.loads(git(root, "show", f"{ref}:{path}"))
    data["body"]["who"] = "Somebody else"
    repository = seams_of(root, []).repository
    forged = repository.commit(ref, {path: json.dumps(data).encode()}, "Forge")
    git(root, "update-ref", ref, forged)
    found = known(root)
    assert found.runs == ()
    assert found.damaged == (f"{ref}:{path}",)


def test_a_clone_shares_its_runs_when_it_is_asked_to(origin: Origin) -> None:
    commit(origin.clone, FILES, "Add the tiny pipeline")
    run(seams_of(origin.clone, []), workspace(origin.clone), origin.clone)
    assert git(origin.bare, "for-each-ref", "refs/mlgitops") == ""
    one = last(origin.clone)
    assert push(seams_of(origin.clone, [])) == 1
    other = origin.clone.with_name("other")
    git(origin.bare, "clone", "--quiet", str(origin.bare), str(other))
    write(other, {"mlgitops.yaml": FILES["mlgitops.yaml"]})
    seams_of(other, []).repository.fetch()
    assert last(other) == one == last(origin.clone)


PLOT = """\
import struct, sys, zlib


def chunk(kind, data):
    whole = kind + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))


def draw(train):
    return (
        b"\\x89PNG\\r\\n\\x1a\\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\\0\\0"))
        + chunk(b"IEND", b"")
    )
"""


def test_plots_are_written_where_they_are_wanted(
    run_tiny: RunTiny, root: Path, tmp_path: Path
) -> None:
    write(root, {"pipelines/tiny/plots.py": PLOT})
    with (root / "pipelines/tiny/pipeline.yaml").open("a") as spec:
        spec.write(
            '  - name: plot\n    run: "plots:draw"\n    inputs: {train: features.train}\n'
            "    outputs: {curve: figure}\n"
        )
    run_tiny()
    found = known(root)
    one = found.find("latest")
    (path,) = found.save_figures(one, tmp_path / "plots")
    assert path.name == "tiny.plot.curve.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(StoreError, match="cannot write into"):
        found.save_figures(one, root / "README.md")
