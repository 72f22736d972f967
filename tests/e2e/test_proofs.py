"""What a release says of its proof: kept rows that anyone can ask again, or that there is none."""

import io
import json

import pandas as pd
import pytest
import yaml

from mlgitops.core.signatures import from_json
from mlgitops.ml.scoring import Scorer
from mlgitops.server.golden import Golden, difference
from tests.e2e.world import FILES, MODEL, MODEL_SPEC, PIPELINE, World, fields
from tests.support import commit, git

# As another framework would write it: one matrix, a matrix product and a sum, and no estimator.
HANDED = """\
import numpy as np
from onnx import TensorProto, helper, numpy_helper


def fit(train, depth):
    rows = np.column_stack([train[["sun", "rain"]], np.ones(len(train))])
    found = np.linalg.lstsq(rows, train["tons"], rcond=None)[0].astype("float32")
    weights = [
        numpy_helper.from_array(found[:2].reshape(2, 1), "weight"),
        numpy_helper.from_array(found[2:], "bias"),
    ]
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "weight", "bias"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
"""
CLASSIFIER = """\
import numpy as np
from onnx import TensorProto, helper, numpy_helper


def fit(train, depth):
    weight = numpy_helper.from_array(np.array([[-1.0, 1.0], [0.0, 0.0]], "float32"), "weight")
    graph = helper.make_graph(
        [
            helper.make_node("Concat", ["sun", "rain"], ["x"], axis=1),
            helper.make_node("MatMul", ["x", "weight"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probs"], axis=1),
        ],
        "net",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 1]) for n in ("sun", "rain")],
        [helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["n", 2])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
"""


@pytest.fixture
def farm(tmp_path, monkeypatch):
    """A project whose model is what the test's own code makes."""
    monkeypatch.setenv("MLGITOPS_STORE", str(tmp_path / "store"))
    world = World(tmp_path)

    def make(train: str, pipeline: str = PIPELINE, spec: str = MODEL_SPEC) -> World:
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(world.bare))
        git(tmp_path, "clone", "--quiet", str(world.bare), str(world.clone))
        files = {
            **FILES,
            "pipelines/yield/fields.csv": fields(),
            "pipelines/yield/train.py": train,
            "pipelines/yield/pipeline.yaml": pipeline,
            "pipelines/yield/model.yaml": spec,
        }
        if "regression" not in spec:
            del files["environments/prod/environment.yaml"]
        commit(world.clone, files, "Start")
        git(world.clone, "push", "--quiet", "--set-upstream", "origin", "HEAD:main")
        assert world.call("run", "yield") == 0
        commit(world.clone, {}, "Pin the first snapshot")
        git(world.clone, "push", "--quiet", "origin", "HEAD:main")
        return world

    return make


def document(world: World) -> dict:
    text = git(world.clone, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.0.0")
    return yaml.safe_load(text)


def blob(world: World, document: dict, name: str) -> bytes:
    digest = document["files"][name].removeprefix("sha256:")
    return (world.store / "blobs/sha256" / digest).read_bytes()


def onnx_pipeline() -> str:
    return PIPELINE.replace("{model: estimator}", "{model: onnx}")


def test_a_model_of_another_framework_is_handed_over_and_released(farm, capsys):
    world = farm(HANDED, onnx_pipeline())
    assert world.call("validate") == 0
    capsys.readouterr()
    assert world.call("release", MODEL) == 0
    assert "handed over as ONNX: there is no estimator" in capsys.readouterr().out
    told = document(world)
    assert told["parity"]["handed_over"] is True and told["parity"]["ok"] is False
    assert told["parity"]["rows"] == 0
    assert told["evaluation"]["metrics"]["r2"]["value"] > 0.8
    wanted = {"robustness.json", "measured.json", "golden.json", "profile.json", "parity.json"}
    assert wanted <= set(told["files"]) and "adversarial.parquet" not in told["files"]
    signature = from_json(json.loads(blob(world, told, "signature.json")))
    assert [field.name for field in signature.inputs] == ["sun", "rain"]
    assert signature.inputs[0].low is not None
    golden = json.loads(blob(world, told, "golden.json"))
    assert 32 < len(golden["inputs"]["sun"]) <= 64
    page = blob(world, told, "card.md").decode()
    assert "handed over as ONNX" in page and "largest difference" not in page
    # Nobody claims a proof, so a gate that wants one refuses it, by name.
    assert world.call("promote", MODEL, "--to", "dev") != 0
    said = capsys.readouterr()
    assert "parity" in said.out + said.err


def test_what_a_handed_over_model_answers_is_verified_all_the_same(farm, capsys):
    world = farm(HANDED, onnx_pipeline())
    environment = world.clone / "environments/dev/environment.yaml"
    without = environment.read_text().replace("gates:\n  - {parity: required}\n", "")
    commit(world.clone, {"environments/dev/environment.yaml": without}, "Ask for no proof")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    assert world.call("release", MODEL) == 0
    world.ship("dev")
    capsys.readouterr()
    assert world.call("verify") == 0, capsys.readouterr().out


def test_the_classes_of_a_handed_over_classifier_are_the_targets_or_those_of_the_spec(farm, capsys):
    spec = (
        MODEL_SPEC.replace("task: regression", "task: binary-classification")
        .replace("target: tons", "target: soil")
        .replace("metrics: [mae, r2], slices: [soil]", "metrics: [accuracy]")
        .replace("  - {metric: r2, min: 0.1}", "  - {metric: accuracy, min: 0.1}")
    )
    world = farm(CLASSIFIER, onnx_pipeline(), spec)
    assert world.call("release", MODEL, "--dry-run", "--json") == 0
    accuracy = _accuracy(capsys)
    path = "pipelines/yield/model.yaml"
    turned = spec.replace("{atol: 1.0e-3}}", "{atol: 1.0e-3}, classes: [sand, clay]}")
    (world.clone / path).write_text(turned)
    assert world.call("release", MODEL, "--dry-run", "--json") == 0
    assert _accuracy(capsys) == pytest.approx(1 - accuracy)
    (world.clone / path).write_text(turned.replace("[sand, clay]", "[sand, clay, loam]"))
    assert world.call("release", MODEL, "--dry-run") != 0
    assert "no output for binary-classification" in capsys.readouterr().err


def _accuracy(capsys) -> float:
    told = json.loads(capsys.readouterr().out)
    return told["release"]["evaluation"]["metrics"]["accuracy"]["value"]


def test_a_handed_over_model_that_does_not_fit_the_table_is_refused(farm, capsys):
    world = farm(HANDED.replace('["batch", 2]', '["batch", 3]').replace(
        "found[:2].reshape(2, 1)", "found.reshape(3, 1)"), onnx_pipeline())  # fmt: skip
    capsys.readouterr()
    assert world.call("release", MODEL) != 0
    assert "a matrix of 3 numbers a row, and the data has 2 columns" in capsys.readouterr().err


def test_adversarial_rows_are_kept_and_golden_rows_hold_some_of_them(world, capsys):
    told = document(world)
    proof = json.loads(blob(world, told, "parity.json"))
    assert proof["ok"] is True and proof["handed_over"] is False
    half = proof["adversarial"]
    assert {"threshold", "jump", "extreme", "far out", "mixed"} <= set(half["kinds"])
    assert half["rows"] == sum(one["rows"] for one in half["kinds"].values()) > 300
    assert half["rows_over"] == half["label_mismatches"] == 0
    assert told["parity"]["adversarial"]["rows"] == half["rows"]
    kept = pd.read_parquet(io.BytesIO(blob(world, told, "adversarial.parquet")))
    assert len(kept) == half["rows"] and {"kind", "column", "p0", "e0", "in:sun"} <= set(kept)
    signature = from_json(json.loads(blob(world, told, "signature.json")))
    golden = json.loads(blob(world, told, "golden.json"))
    assert 32 < len(golden["inputs"]["sun"]) <= 64
    edges = {
        value
        for name in ("sun", "rain")
        for value in kept[f"in:{name}"][kept["kind"] == "threshold"]
    }
    assert edges & set(golden["inputs"]["sun"]) | edges & set(golden["inputs"]["rain"])
    scorer = Scorer(blob(world, told, "model.onnx"), signature)

    def infer(columns):
        feeds = {name: values.reshape(-1, 1) for name, values in columns.items()}
        return {"prediction": scorer.answer(feeds).astype("float32")}

    rows = Golden(inputs=golden["inputs"], outputs=golden["outputs"])
    assert difference(rows, signature, infer) is None
    assert "adversarial rows" in blob(world, told, "card.md").decode()


NET = HANDED.replace(
    """        numpy_helper.from_array(found[:2].reshape(2, 1), "weight"),
        numpy_helper.from_array(found[2:], "bias"),
""",
    """        numpy_helper.from_array(np.repeat(found[:2].reshape(2, 1) / 512, 512, 1), "weight"),
        numpy_helper.from_array(np.ones((512, 1), "float32"), "sum"),
        numpy_helper.from_array(found[2:], "bias"),
""",
).replace(
    """[helper.make_node("Gemm", ["x", "weight", "bias"], ["y"])]""",
    """[
            helper.make_node("Identity", ["x"], ["same"]),
            helper.make_node("MatMul", ["same", "weight"], ["wide"]),
            helper.make_node("MatMul", ["wide", "sum"], ["summed"]),
            helper.make_node("Add", ["summed", "bias"], ["y"]),
        ]""",
)


def test_a_model_is_optimised_where_the_proof_still_holds_and_the_card_tells_before_and_after(
    farm, capsys
):
    spec = MODEL_SPEC.replace("{atol: 1.0e-3}}", "{atol: 1.0e-3}, optimize: [graph, quantize]}")
    world = farm(NET, onnx_pipeline(), spec)
    assert world.call("release", MODEL) == 0
    told = document(world)
    graph, quantize = json.loads(blob(world, told, "parity.json"))["optimized"]
    assert (graph["way"], graph["kept"]) == ("graph", True)
    assert (quantize["way"], quantize["kept"]) == ("quantize", False)
    assert "over the tolerance" in quantize["why"]
    measured = json.loads(blob(world, told, "measured.json"))
    assert measured["size"] == told["size"] != measured["before"]["size"]
    assert set(measured["before"]["latency"]) == {"1", "64"}
    page = blob(world, told, "card.md").decode()
    assert "1, before it was optimised |" in page and "- quantize: not kept, largest" in page
    # Whoever can do with less says so, and gets a smaller model.
    path = world.clone / "pipelines/yield/model.yaml"
    loose = "{atol: 2.0, adversarial: 1.0}, optimize: [quantize]}"
    path.write_text(MODEL_SPEC.replace("{atol: 1.0e-3}}", loose))
    commit(world.clone, {}, "Take 8 bits")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    assert world.call("release", MODEL) == 0
    text = git(world.clone, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.0.1")
    text = text or git(world.clone, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.1.0")
    assert yaml.safe_load(text)["size"] < told["size"] * 0.6


def test_a_proof_that_was_made_easier_afterwards_does_not_verify(world, capsys):
    """Whoever changes the rows, the figures or the tolerance and all digests above them is told."""
    from dataclasses import replace

    from mlgitops.flow.evidence import parity
    from mlgitops.flow.evidence.parts import Held
    from mlgitops.flow.releases import release
    from mlgitops.settings import read
    from mlgitops.wiring import seams

    made = seams(read(world.clone), say=lambda line: None)
    found = release(made.repository, MODEL, "1.0.0")
    assert list(parity.problems(Held(seams=made, release=found))) == []
    files = found.document.files
    proof = json.loads(made.store.read(files["parity.json"]))
    kept = pd.read_parquet(io.BytesIO(made.store.read(files["adversarial.parquet"])))

    def told(**changed: bytes) -> str:
        digests = {
            name.replace("_", "."): made.store.put_bytes(one) for name, one in changed.items()
        }
        document = replace(found.document, files={**files, **digests})
        forged = Held(seams=made, release=replace(found, document=document))
        return "\n".join(parity.problems(forged))

    easier = json.dumps({**proof, "tolerance": {**proof["tolerance"], "adversarial": 0.5}})
    assert "parity.json: /tolerance is not that of model.yaml" in told(parity_json=easier.encode())
    fewer = {**proof["adversarial"], "rows": proof["adversarial"]["rows"] - 1}
    lines = told(parity_json=json.dumps({**proof, "adversarial": fewer}).encode())
    assert "parity: /adversarial/rows" in lines and "parity.json: /adversarial/rows" in lines
    buffer = io.BytesIO()
    kept.assign(p0=kept["p0"] + 1, e0=kept["e0"] + 1).to_parquet(buffer, index=False)
    both = told(adversarial_parquet=buffer.getvalue())
    assert "answers are not what the ONNX answers" in both
    buffer = io.BytesIO()
    kept.assign(e0=kept["e0"].where(kept.index != 5, 7.0)).to_parquet(buffer, index=False)
    assert "parity.json: /adversarial" in told(adversarial_parquet=buffer.getvalue())
