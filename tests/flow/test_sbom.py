"""The bill of materials: read and validated by others, the same for the same release."""

import json
from importlib import metadata
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from mlgitops.core.digests import document, of_bytes
from mlgitops.core.releases import Lineage
from mlgitops.flow.evidence.sbom import _bom, _facts

DIGESTS = {
    name: of_bytes(name.encode()) for name in ("model.onnx", "signature.json", "evaluation.parquet")
}
LINEAGE = Lineage(
    commit="f" * 40,
    pipeline="late",
    steps={},
    snapshots={},
    training=(of_bytes(b"train"),),
    evaluation_steps=(),
)
ENVIRONMENT: dict[str, Any] = {
    "steps": {
        "train": {
            "python": "3.11",
            "distributions": {"numpy": metadata.version("numpy"), "gone": "1.0"},
        }
    },
    "export": {"onnx": metadata.version("onnx"), "numpy": metadata.version("numpy")},
}
CARD: dict[str, Any] = {
    "model_details": {"name": "late", "task": "binary-classification"},
    "quantitative_analysis": {
        "metrics": {"roc_auc": {"value": 0.8, "low": 0.7, "high": 0.9}, "brier": {"value": 0.1}}
    },
    "signature": {"inputs": [{"name": "a", "kind": "number"}], "outputs": ["label", "score"]},
}


@pytest.fixture(scope="module")
def bom() -> Any:
    return _bom(DIGESTS, LINEAGE, ENVIRONMENT, CARD, facts=_facts)


def test_it_is_valid_by_the_official_schema_of_cyclonedx_1_6(bom):
    told = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document(bom).decode())
    assert told is None, told


def test_every_distribution_is_there_once_with_its_address_and_licence(bom):
    found = {one["name"]: one for one in bom["components"] if one["type"] == "library"}
    assert set(found) == {"numpy", "onnx", "gone"}
    assert found["numpy"]["purl"] == f"pkg:pypi/numpy@{metadata.version('numpy')}"
    assert found["numpy"]["licenses"]
    (record,) = found["onnx"]["properties"]
    assert record["value"].startswith("sha256:")
    # Not installed here: nothing is made up.
    assert "licenses" not in found["gone"]


def test_the_model_comes_with_its_bytes_its_numbers_and_what_it_was_made_from(bom):
    model = bom["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [
        {"alg": "SHA-256", "content": DIGESTS["model.onnx"].removeprefix("sha256:")}
    ]
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert metrics[1]["confidenceInterval"] == {"lowerBound": "0.7", "upperBound": "0.9"}
    on = next(one["dependsOn"] for one in bom["dependencies"] if one["ref"] == "model")
    assert {"data-evaluation", "data-training-0"} < set(on)


def test_the_same_release_has_the_same_bytes_and_another_one_another_number(bom):
    again = _bom(DIGESTS, LINEAGE, ENVIRONMENT, CARD, facts=_facts)
    assert document(again) == document(bom)
    assert "timestamp" not in json.dumps(bom)
    other = {**DIGESTS, "model.onnx": of_bytes(b"other")}
    assert (
        _bom(other, LINEAGE, ENVIRONMENT, CARD, facts=_facts)["serialNumber"] != bom["serialNumber"]
    )
