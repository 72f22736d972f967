"""`kill -9` of `mlgitops run` at twelve moments: the store is clean, and the next call completes.

`benchmarks/kills.py` does the same at random moments, in hundreds.
"""

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
    ("tiny.features: started", 0.05),
    ("tiny.features: started", 0.2),
    ("tiny.features: done", 0.0),
    ("tiny.train: started", 0.0),
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


def kill(process: "subprocess.Popen[str]", *, whom: str) -> None:
    """Kill the command itself, its process group as a CI does, or all that it started, too."""
    if whom == "its group":
        os.killpg(process.pid, signal.SIGKILL)
        return
    for pid in family(process.pid) if whom == "all" else [process.pid]:
        with suppress(ProcessLookupError):  # a step that ended by itself just now
            os.kill(pid, signal.SIGKILL)


def run_and_kill(root: Path, line: str, later: float, *, whom: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlgitops", "run"],
        cwd=root,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for said in process.stderr:
        if said.startswith(line):
            break
    time.sleep(later)
    kill(process, whom=whom)
    process.communicate()
    assert process.returncode in (-signal.SIGKILL, 0)


@pytest.mark.parametrize(("line", "later"), MOMENTS)
def test_after_a_kill_the_store_is_clean_and_the_next_run_completes(
    root: Path, line: str, later: float
) -> None:
    whom = ("all", "itself", "its group")[MOMENTS.index((line, later)) % 3]
    run_and_kill(root, line, later, whom=whom)
    assert list(seams_of(root, []).store.check()) == []
    result = finish(root)
    made = {
        ran.decision.step: sorted(one.digest[7:19] for one in ran.record.outputs.values())
        for ran in result.steps
        if ran.record is not None
    }
    assert made == EXPECTED
    store = root / ".mlgitops/store"
    assert list(seams_of(root, []).store.check()) == []
    assert list((store / "tmp").iterdir()) == []
    assert finish(root).executed == ()
