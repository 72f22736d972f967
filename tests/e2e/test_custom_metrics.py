"""Metrics of the users' own: from a plain function to the release, its evidence and the gates."""

import pandas as pd
import pytest
import yaml

from mlgitops.core.digests import Digest
from tests.e2e.world import (
    BETTER_FEATURES,
    FILES,
    MODEL_SPEC,
    PIPELINE,
    PROD,
    World,
    fields,
)
from tests.support import commit, git

COST = """\
import numpy as np


def cost(target, prediction):
    \"\"\"Too little costs three times what too much does.\"\"\"
    short = target - prediction
    return np.where(short > 0, 3 * short, -short)


def clay(target, prediction, rows):
    return np.abs(target - prediction) * (rows["soil"].to_numpy() == "clay")


def middle(target, prediction):
    return float(np.median(np.abs(target - prediction)))


def broken(target, prediction):
    return np.log(prediction - prediction)


def wrong(target, prediction):
    return [1.0, 2.0]
"""
CUSTOM = {
    "cost": {"run": "metrics:cost", "better": "lower"},
    "clay": {"run": "metrics:clay", "better": "lower"},
    "middle": {"run": "metrics:middle", "better": "lower"},
}


def spec(metrics: list[str], custom: dict) -> str:
    model = yaml.safe_load(MODEL_SPEC)
    model["evaluation"] |= {"metrics": metrics, "custom": custom}
    del model["gates"]
    return yaml.safe_dump(model, sort_keys=False)


@pytest.fixture
def farm(tmp_path, monkeypatch):
    monkeypatch.setenv("MLGITOPS_STORE", str(tmp_path / "store"))
    world = World(tmp_path)

    def make(model: str, prod: str = PROD) -> World:
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(world.bare))
        git(tmp_path, "clone", "--quiet", str(world.bare), str(world.clone))
        files = {
            **FILES,
            "pipelines/yield/fields.csv": fields(),
            "pipelines/yield/model.yaml": model,
            "pipelines/yield/metrics.py": COST,
            "environments/prod/environment.yaml": prod,
        }
        commit(world.clone, files, "Start")
        git(world.clone, "push", "--quiet", "--set-upstream", "origin", "HEAD:main")
        assert world.call("run", "yield") == 0
        push(world, {}, "Pin the first snapshot")
        return world

    return make


def push(world: World, files: dict[str, str], subject: str) -> None:
    commit(world.clone, files, subject)
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")


def document(world: World, version: str) -> dict:
    text = git(world.clone, "tag", "-l", "--format=%(contents:body)", f"yield@v{version}")
    return yaml.safe_load(text)


def table(world: World, digest: Digest) -> pd.DataFrame:
    from mlgitops.settings import read
    from mlgitops.wiring import seams

    return pd.read_parquet(seams(read(world.clone), say=lambda line: None).store.path(digest))


def test_plain_functions_are_metrics_with_intervals_slices_and_evidence(farm, capsys):
    world = farm(spec(["mae", "cost", "clay", "middle"], CUSTOM))
    assert world.call("release", "yield") == 0, capsys.readouterr().err
    told = document(world, "1.0.0")
    metrics = told["evaluation"]["metrics"]
    answers = table(world, told["files"]["predictions.parquet"])
    rows = table(world, told["files"]["evaluation.parquet"])
    short = rows["tons"] - answers["p0"]
    by_hand = short.where(short > 0, -short / 3) * 3
    assert metrics["cost"]["value"] == pytest.approx(by_hand.mean(), rel=1e-6)
    on_clay = (short.abs() * (rows["soil"] == "clay")).mean()
    assert metrics["clay"]["value"] == pytest.approx(on_clay, rel=1e-6)
    assert metrics["middle"]["value"] == pytest.approx(short.abs().median(), rel=1e-6)
    assert told["evaluation"]["custom"] == dict.fromkeys(("cost", "clay", "middle"), "lower")
    for one in metrics.values():
        assert one["low"] < one["value"] < one["high"]
    # The median's interval by order statistics, which need no theory of smooth functions.
    ordered, n = short.abs().sort_values().to_numpy(), len(short)
    reach = 0.98 * n**0.5
    exact = ordered[int(n / 2 + reach)] - ordered[int(n / 2 - reach)]
    found = metrics["middle"]["high"] - metrics["middle"]["low"]
    assert 0.6 < found / exact < 1.7
    # Nobody needs the functions to check the numbers.
    push(world, {"pipelines/yield/metrics.py": "raise SystemExit('gone')\n"}, "Lose the functions")
    assert world.call("verify", "yield") == 0, capsys.readouterr().err


def test_a_gate_compares_two_models_by_a_custom_metric(farm, capsys):
    gates = PROD.replace(
        "  - {metric: mae, no_worse_than: live, margin: 0.2}\n",
        "  - {metric: cost, no_worse_than: live, margin: 0.4}\n"
        "  - {metric: middle, no_worse_than: live, margin: 0.2}\n",
    )
    world = farm(spec(["cost", "middle"], {n: CUSTOM[n] for n in ("cost", "middle")}), gates)
    assert world.call("validate") == 0
    assert world.call("release", "yield") == 0
    world.ship("dev")
    world.ship("prod", approve=True)
    push(world, {"pipelines/yield/features.py": BETTER_FEATURES}, "Take rain as it was measured")
    assert world.call("release", "yield") == 0
    world.ship("dev")
    capsys.readouterr()
    assert world.call("promote", "yield", "--to", "prod") == 0
    number = world.open_pull("mlgitops/promote/prod/yield")
    assert world.call("pulls", "show", str(number)) == 0
    shown = capsys.readouterr().out
    assert "cost" in shown and "middle" in shown
    # The check of the pull request computes the comparison again, from the recorded numbers.
    assert world.call("pulls", "approve", str(number), "--as", "Rui") == 0
    assert world.call("pulls", "merge", str(number)) == 0
    world.pull()
    bad = {"pipelines/yield/pipeline.yaml": PIPELINE.replace("depth: 6", "depth: 1")}
    push(world, bad, "Go bad")
    assert world.call("release", "yield") == 0
    world.ship("dev")
    capsys.readouterr()
    assert world.call("promote", "yield", "--to", "prod") != 0
    told = capsys.readouterr()
    assert "cost" in told.out + told.err


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("metrics:broken", "for row 0"),
        ("metrics:wrong", "it returned (2,) for 310 rows; return one number for each, or one"),
    ],
)
def test_a_function_that_gives_no_metric_is_told(farm, run, told, capsys):
    world = farm(spec(["mae", "cost"], {"cost": {"run": run, "better": "lower"}}))
    assert world.call("release", "yield") != 0
    found = capsys.readouterr().err
    assert told in found
    assert git(world.clone, "tag") == ""


def test_metrics_of_ones_own_are_checked_before_anything_runs(farm, capsys):
    world = farm(spec(["mae", "cost"], CUSTOM))
    capsys.readouterr()
    assert world.call("validate") == 0
    assert "'clay' is never measured" in capsys.readouterr().out
    mae = {"mae": {"run": "metrics:cost", "better": "lower"}}
    (world.clone / "pipelines/yield/model.yaml").write_text(spec(["mae"], mae))
    assert world.call("validate") != 0
    assert "'mae' is a metric already" in capsys.readouterr().out
    gone = {"cost": {"run": "metrics:gone", "better": "lower"}}
    (world.clone / "pipelines/yield/model.yaml").write_text(spec(["mae", "cost"], gone))
    assert world.call("validate") != 0
    assert "no function 'gone'" in capsys.readouterr().out
    (world.clone / "pipelines/yield/model.yaml").write_text(spec(["mae", "cost"], CUSTOM))
    (world.clone / "pipelines/yield/metrics.py").write_text(COST.replace("prediction, rows", "p"))
    assert world.call("validate") != 0
    told = capsys.readouterr().out
    assert "clay() does not take 'prediction', which the metric 'clay' gives it" in told
