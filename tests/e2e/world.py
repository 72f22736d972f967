"""A small project with three releases: a good one, a better one and a bad one."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlgitops.cli import main
from tests.support import commit, git

MODEL = "yield"

PROJECT = """\
apiVersion: mlgitops/v1
kind: Project
name: farm
forge: {type: local}
"""
PIPELINE = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: yield
params: {depth: 6}
steps:
  - name: rows
    source: {type: python, run: "sources:rows", as_of: 2026-05-01}
    inputs: {table: {file: fields.csv}}
    outputs: {rows: parquet}
  - name: features
    run: "features:build"
    inputs: {rows: rows.rows}
    outputs: {train: parquet, test: parquet}
  - name: train
    run: "train:fit"
    inputs: {train: features.train}
    params: [depth]
    outputs: {model: estimator}
"""
MODEL_SPEC = """\
apiVersion: mlgitops/v1
kind: Model
name: yield
pipeline: yield
artifact: train.model
task: regression
features: [sun, rain]
evaluation: {data: features.test, target: tons, id: field, metrics: [mae, r2], slices: [soil]}
export: {format: onnx, parity: {atol: 1.0e-3}}
gates:
  - {metric: r2, min: 0.1}
"""
DEV = """\
apiVersion: mlgitops/v1
kind: Environment
name: dev
target: {type: compose, image: "registry.example.com/server:1", port: 8080}
gates:
  - {parity: required}
promotion: {auto: true}
"""
PROD = """\
apiVersion: mlgitops/v1
kind: Environment
name: prod
after: [dev]
target: {type: kserve, namespace: ml, registry: "oci://registry.example.com/models"}
gates:
  - {signature: compatible}
  - {metric: mae, no_worse_than: live, margin: 0.2}
  - {slices: no_worse_than, margin: 0.5}
approvals: {count: 1}
promotion: {auto: true}
"""
SOURCES = """\
import pandas as pd


def rows(table, as_of):
    all_rows = pd.read_csv(table)
    known = pd.to_datetime(all_rows["day"], utc=True) <= as_of
    return all_rows[known].reset_index(drop=True)
"""
FEATURES = """\
import pandas as pd


def build(rows):
    # Rain is taken in steps of 40: coarse, and the next change mends it.
    frame = pd.DataFrame(
        {
            "field": rows["field"],
            "soil": rows["soil"],
            "sun": rows["sun"].astype("float32"),
            "rain": (rows["rain"] // 40 * 40).astype("float32"),
            "tons": rows["tons"],
        }
    )
    held_out = rows["day"] >= "2026-04-01"
    return {
        "train": frame[~held_out].reset_index(drop=True),
        "test": frame[held_out].reset_index(drop=True),
    }
"""
BETTER_FEATURES = FEATURES.replace('(rows["rain"] // 40 * 40)', 'rows["rain"]').replace(
    "    # Rain is taken in steps of 40: coarse, and the next change mends it.\n", ""
)
TRAIN = """\
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor


def fit(train, depth):
    columns = ColumnTransformer([("features", "passthrough", ["sun", "rain"])])
    tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=8, random_state=0)
    return Pipeline([("columns", columns), ("tree", tree)]).fit(
        train[["sun", "rain"]], train["tons"]
    )
"""


def fields() -> str:
    """1,600 fields over 160 days; tons follow from sun and rain, with noise."""
    import numpy as np

    random = np.random.default_rng(7)
    lines = ["field,day,soil,sun,rain,tons"]
    for number in range(1600):
        month, day = divmod(number // 10, 30)
        sun, rain = random.uniform(0, 10), random.uniform(0, 100)
        tons = 2 * sun + 0.3 * rain + random.normal(0, 1)
        soil = "clay" if random.uniform() < 0.5 else "sand"
        when = f"2026-{month + 1:02}-{day + 1 if month != 1 else min(day + 1, 28):02}"
        lines.append(f"f{number:05},{when},{soil},{sun:.3f},{rain:.2f},{tons:.3f}")
    return "\n".join(lines) + "\n"


FILES: Mapping[str, str] = {
    "mlgitops.yaml": PROJECT,
    "pipelines/yield/pipeline.yaml": PIPELINE,
    "pipelines/yield/model.yaml": MODEL_SPEC,
    "pipelines/yield/sources.py": SOURCES,
    "pipelines/yield/features.py": FEATURES,
    "pipelines/yield/train.py": TRAIN,
    "environments/dev/environment.yaml": DEV,
    "environments/prod/environment.yaml": PROD,
    ".gitignore": ".mlgitops/\n",
}


@dataclass(frozen=True, slots=True)
class World:
    """A bare origin, a clone of it, and the store that all clones share."""

    root: Path

    @property
    def bare(self) -> Path:
        return self.root / "origin.git"

    @property
    def clone(self) -> Path:
        return self.root / "clone"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def call(self, *args: str, cwd: Path | None = None) -> int:
        """Run a command in this process; what it prints goes to capsys."""
        return main(["-C", str(cwd or self.clone), *args])

    def pull(self) -> None:
        git(self.clone, "pull", "--quiet", "--ff-only", "origin", "main")

    def ship(self, environment: str, *, approve: bool = False) -> None:
        """Promote to an environment and merge, as people would."""
        assert self.call("promote", MODEL, "--to", environment) == 0
        number = self.open_pull(f"mlgitops/promote/{environment}/{MODEL}")
        if approve:
            assert self.call("pulls", "approve", str(number), "--as", "Rui") == 0
        assert self.call("pulls", "merge", str(number)) == 0
        self.pull()

    def open_pull(self, branch: str) -> int:
        """The number of the open pull request of a branch."""
        from mlgitops.settings import read
        from mlgitops.wiring import seams

        forge = seams(read(self.clone), say=lambda line: None).forge
        found = forge.find(head=branch, base="main")
        assert found is not None and found.state == "open", found
        return found.number


def build(root: Path) -> World:
    """Make the world with three releases; needs ``MLGITOPS_STORE`` set to its store."""
    world = World(root)
    git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(world.bare))
    git(root, "clone", "--quiet", str(world.bare), str(world.clone))
    commit(world.clone, {**FILES, "pipelines/yield/fields.csv": fields()}, "Start")
    git(world.clone, "push", "--quiet", "--set-upstream", "origin", "HEAD:main")
    assert world.call("run", "yield") == 0
    changes = [
        ({}, "Pin the first snapshot"),
        ({"pipelines/yield/features.py": BETTER_FEATURES}, "Take rain as it was measured"),
        ({"pipelines/yield/pipeline.yaml": PIPELINE.replace("depth: 6", "depth: 1")}, "Go bad"),
    ]
    for files, subject in changes:
        commit(world.clone, files, subject)
        git(world.clone, "push", "--quiet", "origin", "HEAD:main")
        assert world.call("release", MODEL) == 0
    return world


def copy(world: World, root: Path) -> World:
    """An independent copy, so that a test may do what it wants."""
    for name in ("origin.git", "clone", "store"):
        shutil.copytree(world.root / name, root / name, symlinks=True)
    fresh = World(root)
    git(fresh.clone, "remote", "set-url", "origin", str(fresh.bare))
    return fresh
