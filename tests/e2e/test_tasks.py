"""Each task goes the whole way: trained, exported, proved, judged, released, verified, served."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from mlgitops.core.tasks import ANSWERS
from mlgitops.server.session import Session
from tests.e2e.world import FILES, PIPELINE, World, fields
from tests.support import commit, git

FEATURES = """\
import numpy as np
import pandas as pd


def build(rows):
    random = np.random.default_rng(3)
    odd = random.uniform(size=len(rows)) < 0.06
    sun = rows["sun"] + np.where(odd, 9.0, 0.0)
    frame = pd.DataFrame(
        {
            "field": rows["field"],
            "soil": rows["soil"],
            "sun": sun.astype("float32"),
            "rain": rows["rain"].astype("float32"),
            "tons": rows["tons"],
            "heavy": (rows["tons"] > 25).astype(int),
            "wet": (rows["rain"] + random.normal(0, 9, len(rows)) > 50).astype(int),
            "grade": np.clip(rows["tons"] // 12, 0, 3).astype(int),
            "query": rows["day"],
            "odd": np.where(odd, "odd", "fine"),
            "corner": (rows["sun"] > 5).astype(str) + (rows["rain"] > 50).astype(str),
            "naive": rows["tons"].shift(1).fillna(25.0),
            "scale": 11.5,
        }
    )
    held_out = rows["day"] >= "2026-04-01"
    return {
        "train": frame[~held_out].reset_index(drop=True),
        "test": frame[held_out].reset_index(drop=True),
    }
"""
COLUMNS = ["sun", "rain"]
FIT = """\
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
{imports}

def fit(train, depth):
    return make_pipeline(StandardScaler(), {estimator}).fit(train[["sun", "rain"]]{target})
"""


def fit(imports: str, estimator: str, target: str | list[str] | None) -> str:
    asked = "" if target is None else f", train[{target!r}]"
    return FIT.format(imports=imports, estimator=estimator, target=asked)


# Task, training, and the rest of the evaluation: target, metrics, what else it needs.
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "forecasting": (
        fit("from sklearn.linear_model import Ridge\n", "Ridge()", "tons"),
        {"target": "tons", "metrics": ["mae", "mase", "relative_mae", "pinball@0.5"]}
        | {"baseline": "naive", "scale": "scale", "cluster": "query"}
        | {"search": ["soil", "sun", "corner"]},
    ),
    "multilabel-classification": (
        fit(
            "from sklearn.linear_model import LogisticRegression\n"
            "from sklearn.multioutput import MultiOutputClassifier\n",
            "MultiOutputClassifier(LogisticRegression())",
            ["heavy", "wet"],
        ),
        {"targets": ["heavy", "wet"], "metrics": ["f1_micro", "hamming_loss", "lrap", "log_loss"]},
    ),
    "ranking": (
        fit(
            "from sklearn.ensemble import RandomForestRegressor\n",
            "RandomForestRegressor(20, random_state=0)",
            "grade",
        ),
        {"target": "grade", "metrics": ["ndcg@5", "mrr", "map", "precision@3"], "group": "query"},
    ),
    "anomaly-detection": (
        fit(
            "from sklearn.ensemble import IsolationForest\n",
            "IsolationForest(n_estimators=50, random_state=0)",
            None,
        ),
        {"target": "odd", "metrics": ["roc_auc", "average_precision", "recall", "mcc"]},
    ),
    "clustering": (
        fit("from sklearn.cluster import KMeans\n", "KMeans(4, n_init=3, random_state=0)", None),
        {"target": "corner", "metrics": ["adjusted_rand", "v_measure"]},
    ),
}


@pytest.fixture
def farm(tmp_path, monkeypatch):
    """A project with the one model that a test describes."""
    monkeypatch.setenv("MLGITOPS_STORE", str(tmp_path / "store"))
    world = World(tmp_path)

    def make(task: str, train: str, evaluation: dict, export: dict | None = None) -> World:
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(world.bare))
        git(tmp_path, "clone", "--quiet", str(world.bare), str(world.clone))
        spec = {
            "apiVersion": "mlgitops/v1",
            "kind": "Model",
            "name": "yield",
            "pipeline": "yield",
            "artifact": "train.model",
            "task": task,
            "features": COLUMNS,
            "evaluation": {"data": "features.test", "id": "field", "slices": ["soil"]} | evaluation,
            "export": {"parity": {"atol": 0.001}} | (export or {}),
        }
        mine = {
            "pipelines/yield/fields.csv": fields(),
            "pipelines/yield/train.py": train,
            "pipelines/yield/features.py": FEATURES,
            "pipelines/yield/pipeline.yaml": PIPELINE.replace("    params: [depth]\n", "").replace(
                "params: {depth: 6}\n", ""
            ),
            "pipelines/yield/model.yaml": yaml.safe_dump(spec, sort_keys=False),
        }
        mine["pipelines/yield/train.py"] = train.replace("(train, depth)", "(train)")
        kept = {name: text for name, text in FILES.items() if "prod" not in name}
        commit(world.clone, {**kept, **mine}, "Start")
        git(world.clone, "push", "--quiet", "--set-upstream", "origin", "HEAD:main")
        assert world.call("validate") == 0
        assert world.call("run", "yield") == 0
        commit(world.clone, {}, "Pin the first snapshot")
        git(world.clone, "push", "--quiet", "origin", "HEAD:main")
        return world

    return make


@pytest.mark.parametrize("task", TASKS)
def test_a_task_goes_the_whole_way(farm, task, tmp_path, capsys):
    train, evaluation = TASKS[task]
    export = {"classes": ["fine", "odd"]} if task == "anomaly-detection" else {}
    world = farm(task, train, evaluation, export)
    assert world.call("release", "yield") == 0, capsys.readouterr().err
    assert world.call("verify", "yield") == 0, capsys.readouterr()
    document = yaml.safe_load(
        git(world.clone, "tag", "-l", "--format=%(contents:body)", "yield@v1.0.0")
    )
    assert set(document["evaluation"]["metrics"]) == set(evaluation["metrics"])
    assert document["evaluation"]["leads"] == evaluation["metrics"][0]
    for one in document["evaluation"]["metrics"].values():
        # At the edge of its range a metric is its own end: ten of ten found is 1.
        assert one["low"] <= one["value"] <= one["high"] and one["low"] < one["high"]
    # Better than chance, whichever way that is: each of these problems is an easy one.
    first = document["evaluation"]["metrics"][evaluation["metrics"][0]]
    assert first["value"] < 4 if task == "forecasting" else first["value"] > 0.6
    _serves(world, task, document, tmp_path / "served")


def _path(world, document, name):
    from mlgitops.settings import read
    from mlgitops.wiring import seams

    return seams(read(world.clone), say=lambda line: None).store.path(document["files"][name])


def _serves(world, task, document, folder):
    """The server's own session proves the golden rows and answers what the release recorded."""
    folder.mkdir()
    for name in ("model.onnx", "signature.json", "golden.json"):
        (folder / name).write_bytes(_path(world, document, name).read_bytes())
    (folder / "release.json").write_text(
        json.dumps(
            {
                "model": "yield",
                "version": "1.0.0",
                "digest": document["digest"],
                "files": {name: document["files"][name] for name in ("model.onnx",)},
            }
        )
    )
    session = Session.load(folder)
    assert session.refusal is None
    answer = ANSWERS[task]
    assert session.signature.outputs() == answer.outputs
    rows = pd.read_parquet(_path(world, document, "evaluation.parquet"))
    known = pd.read_parquet(_path(world, document, "predictions.parquet"))
    given = {name: rows[name].to_numpy(dtype="float32") for name in COLUMNS}
    found = session.infer(given)
    recorded = known.filter(regex=r"^p\d+$").to_numpy()
    assert np.allclose(found[answer.number].reshape(len(rows), -1), recorded, atol=1e-5)
    if answer.labelled:
        assert set(found["label"]) <= set(session.signature.classes)


def test_which_of_two_words_is_an_anomaly_has_to_be_said(farm, capsys):
    train, evaluation = TASKS["anomaly-detection"]
    world = farm("anomaly-detection", train, evaluation)
    assert world.call("release", "yield") != 0
    told = capsys.readouterr().err
    assert "is one of 'fine', 'odd': which of them is an anomaly?" in told
    assert "export.classes: [usual, odd]" in told
