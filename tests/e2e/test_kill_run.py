"""`kill -9` of `mlgitops run` at ten moments: the next call completes, and the store is clean."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mlgitops.files import WorkTree
from mlgitops.flow.run import RunResult, run
from mlgitops.flow.workspaces import require
from tests.flow.conftest import FILES, edit, seams_of
from tests.support import commit

# After which line of progress, and how many seconds later. Each step sleeps for a moment, so that
# some of them fall into its work, and others between the work and its record.
MOMENTS = [
    ("tiny.rows: started", 0.0),
    ("tiny.rows: started", 0.15),
    ("tiny.rows: started", 0.3),
    ("tiny.rows: done", 0.0),
    ("tiny.features: started", 0.0),
    ("tiny.features: started", 0.2),
    ("tiny.features: done", 0.0),
    ("tiny.train: started", 0.1),
    ("tiny.train: started", 0.3),
    ("tiny.train: done", 0.0),
]


# The outputs of a run that nobody kills.
EXPECTED = {
    "rows": ["73fe2937071c"],
    "features": ["082771902396", "20d28d4375e4"],
    "train": ["f5d9d831e47d"],
}


@pytest.fixture
def root(repo: Path) -> Path:
    commit(repo, FILES, "Add the tiny pipeline")
    edit(repo, "features.py", "    values", "    import time; time.sleep(0.1)\n    values")
    return repo


def finish(root: Path) -> RunResult:
    return run(seams_of(root, []), require(WorkTree(root)), root)


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def run_and_kill(root: Path, line: str, later: float, *, whole_tree: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlgitops", "run"], cwd=root, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for said in process.stderr:
        if said.startswith(line):
            break
    time.sleep(later)
    for pid in family(process.pid) if whole_tree else [process.pid]:
        with suppress(ProcessLookupError):  # a step that ended by itself just now
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode in (-signal.SIGKILL, 0)


@pytest.mark.parametrize(("line", "later"), MOMENTS)
def test_after_a_kill_the_next_run_completes(root: Path, line: str, later: float) -> None:
    run_and_kill(root, line, later, whole_tree=MOMENTS.index((line, later)) % 2 == 0)
    result = finish(root)
    assert {
        ran.decision.step: sorted(one.digest[7:19] for one in ran.record.outputs.values())
        for ran in result.steps
    } == EXPECTED
    store = root / ".mlgitops/store"
    seams = seams_of(root, [])
    assert list(seams.store.check()) == []
    assert list((store / "tmp").iterdir()) == []
    assert finish(root).executed == ()
