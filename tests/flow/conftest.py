"""A repository with one tiny pipeline, rows → features → train, and the real seams to it.

Its steps speak JSON and import nothing heavy: a step costs 0.1 s. The same pipeline with frames and
an estimator is `frames`, for what only they can show.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlgitops import settings, wiring
from mlgitops.core.workspaces import Workspace
from mlgitops.files import WorkTree
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.run import RunResult, run
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require
from tests.support import commit

PROJECT = """\
apiVersion: mlgitops/v1
kind: Project
name: tiny
"""

PIPELINE = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: tiny
params: {keep: 8, seed: 7}
steps:
  - name: rows
    source: {type: python, run: "sources:rows", as_of: "2026-01-01"}
    inputs: {log: {file: data/log.csv}}
    outputs: {rows: json}
  - name: features
    run: "features:build"
    inputs: {rows: rows.rows}
    params: [keep]
    outputs: {train: json, test: json}
  - name: train
    run: "train:fit"
    inputs: {train: features.train}
    params: [seed]
    outputs: {model: json}
"""

FILES = {
    "mlgitops.yaml": PROJECT,
    ".gitignore": ".mlgitops/\n__pycache__/\n",
    "pipelines/tiny/pipeline.yaml": PIPELINE,
    "pipelines/tiny/data/log.csv": "day,count\n"
    + "".join(f"2025-12-{day:02d},{day * 3 % 7}\n" for day in range(1, 21)),
    "pipelines/tiny/sources.py": (
        "import csv\n\n\n"
        "def rows(log, as_of):\n"
        "    day = as_of.date().isoformat()\n"
        "    with log.open() as stream:\n"
        '        return [row for row in csv.DictReader(stream) if row["day"] < day]\n'
    ),
    "pipelines/tiny/helper.py": "def number(row):\n    return int(row['count'])\n",
    "pipelines/tiny/features.py": (
        "from helper import number\n\n\n"
        "def build(rows, keep):\n"
        "    values = [number(row) for row in rows]\n"
        '    return {"train": values[:keep], "test": values[keep:]}\n'
    ),
    "pipelines/tiny/train.py": (
        "def fit(train, seed):\n    return {'mean': sum(train) / len(train), 'seed': seed}\n"
    ),
}


@pytest.fixture
def root(repo: Path) -> Path:
    """The repository with the tiny pipeline, committed."""
    commit(repo, FILES, "Add the tiny pipeline")
    return repo


@pytest.fixture
def said() -> list[str]:
    """The lines of progress."""
    return []


@pytest.fixture
def seams(root: Path, said: list[str]) -> Seams:
    """The real seams of the repository, at a fixed moment."""
    return seams_of(root, said)


def seams_of(root: Path, said: list[str], *, ci: bool = False) -> Seams:
    real = wiring.seams(settings.read(root), say=said.append)
    return replace(real, clock=lambda: datetime(2026, 1, 5, 9, 0, tzinfo=UTC), ci=ci)


def workspace(root: Path) -> Workspace:
    return require(WorkTree(root))


def checkout_of(seams: Seams, root: Path) -> Checkout:
    return Checkout(seams=seams, workspace=workspace(root), root=root)


RunTiny = Callable[..., RunResult]


@pytest.fixture
def run_tiny(root: Path, said: list[str]) -> RunTiny:
    """`run_tiny(**arguments)` → one whole `run` with seams of its own, as one command has."""

    def once(**arguments: object) -> RunResult:
        said.clear()
        return run(seams_of(root, said), workspace(root), root, **arguments)  # type: ignore[arg-type]

    return once


def actions(result: RunResult) -> dict[str, str]:
    """Step to what was done with it."""
    return {ran.decision.step: type(ran.decision).__name__ for ran in result.steps}


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replaces text that must be there in a file of the tiny pipeline."""
    place = root / "pipelines/tiny" / path
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))
