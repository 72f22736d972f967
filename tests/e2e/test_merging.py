"""Two branches that each ran other steps merge: nothing that the tool writes is shared by steps."""

from pathlib import Path

import pytest

from mlgitops.core.plans import Execute
from mlgitops.files import WorkTree
from mlgitops.flow.run import run
from mlgitops.flow.workspaces import require
from tests.flow.conftest import seams_of
from tests.support import commit, git

PROJECT = "apiVersion: mlgitops/v1\nkind: Project\nname: merged\n"
HEAD = "apiVersion: mlgitops/v1\nkind: Pipeline\nname: merged\nsteps:\n"
STEPS = 6
SOURCES = """\
def rows(log, as_of):
    return log.read_text().split()
"""


def copying(number: int) -> str:
    return (
        f"  - name: s{number}\n"
        f'    command: [cp, "{{inputs.data}}", "{{outputs.data{number}}}"]\n'
        f"    inputs: {{data: {{file: data/{number}.txt}}}}\n"
        f"    outputs: {{data{number}: bytes}}\n"
    )


def source(name: str, number: int) -> str:
    """A step whose first run writes a file into the repository: its pin."""
    return (
        f"  - name: {name}\n"
        '    source: {type: python, run: "sources:rows", as_of: "2026-01-01"}\n'
        f"    inputs: {{log: {{file: data/{number}.txt}}}}\n"
        "    outputs: {rows: json}\n"
    )


@pytest.fixture
def root(repo: Path) -> Path:
    files = {f"pipelines/merged/data/{number}.txt": f"{number}\n" for number in range(STEPS)}
    files |= {
        "mlgitops.yaml": PROJECT,
        ".gitignore": ".mlgitops/\n",
        "pipelines/merged/pipeline.yaml": HEAD + "".join(map(copying, range(STEPS))),
        "pipelines/merged/sources.py": SOURCES,
    }
    commit(repo, files, "Start")
    assert len(executed(repo)) == STEPS
    return repo


def executed(root: Path) -> list[str]:
    """Run; the steps that ran."""
    result = run(seams_of(root, []), require(WorkTree(root)), root)
    return [ran.decision.step for ran in result.steps if isinstance(ran.decision, Execute)]


def branch(root: Path, name: str, files: dict[str, str]) -> list[str]:
    """Change files on a branch of its own, run there, and commit what there is then."""
    git(root, "switch", "--quiet", "--create", name, "main")
    commit(root, files, f"Change on {name}")
    ran = executed(root)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "-m", f"Run on {name}")
    return ran


def test_branches_that_ran_neighbouring_steps_merge_and_nothing_runs_again(root: Path) -> None:
    assert branch(root, "a", {"pipelines/merged/data/2.txt": "a\n"}) == ["s2"]
    assert branch(root, "b", {"pipelines/merged/data/3.txt": "b\n"}) == ["s3"]
    git(root, "merge", "--quiet", "-m", "Merge", "a")  # fails the test at a conflict
    assert git(root, "status", "--porcelain") == ""
    assert executed(root) == []


def test_branches_that_each_add_a_step_merge_with_what_the_tool_wrote(root: Path) -> None:
    path, steps = "pipelines/merged/pipeline.yaml", [copying(number) for number in range(STEPS)]
    first = HEAD + steps[0] + source("early", 0) + "".join(steps[1:])
    last = HEAD + "".join(steps) + source("late", 1)
    assert branch(root, "a", {path: first}) == ["early"]
    assert branch(root, "b", {path: last}) == ["late"]
    git(root, "merge", "--quiet", "-m", "Merge", "a")
    pins = sorted(pin.name for pin in (root / "pipelines/merged/snapshots").iterdir())
    assert pins == ["early.yaml", "late.yaml"]
    assert executed(root) == []
    assert git(root, "status", "--porcelain") == ""
