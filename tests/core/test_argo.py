"""A pipeline as an Argo Workflow, held against the schema that Argo publishes."""

import gzip
import json
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import yaml

from mlgitops.core.argo import Place, workflow
from mlgitops.core.sources import parse
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.pipelines import Pipeline

SCHEMA = json.loads(
    gzip.decompress((Path(__file__).parents[1] / "data/argo/workflow.schema.json.gz").read_bytes())
)
PLACE = Place(image="ghcr.io/acme/steps:1", repository="https://example.com/r.git", revision="abc")
SPEC = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: churn
params: {months: [1, 2], go: true}
steps:
  - name: rows
    source: {type: http, url: "https://example.com/${TOKEN}/rows.csv"}
    outputs: {rows: csv}
  - name: features
    run: "features:build"
    inputs: {rows: rows.rows}
    outputs: {train: parquet, months: json}
    env: [REGION]
  - name: train
    run: "train:fit"
    inputs: {train: features.train}
    foreach: {month: features.months}
    when: params.go == true
    outputs: {model: estimator}
    retries: 2
    timeout: 20m
    resources: {cpu: 2.5, memory: 4GiB, gpu: 1}
  - name: report
    run: "report:write"
    inputs: {models: train.model, rows: rows.rows}
    outputs: {page: text}
"""


def pipeline(text: str = SPEC) -> Pipeline:
    [document] = parse(text.encode(), "pipelines/churn/pipeline.yaml")
    found = read_spec(document, Pipeline)
    assert isinstance(found, Located), found
    return found.spec


@pytest.fixture
def made() -> dict:
    return json.loads(json.dumps(workflow(pipeline(), PLACE)))


def test_it_is_a_workflow_as_argo_publishes_it(made: dict) -> None:
    jsonschema.validate(made, SCHEMA)
    jsonschema.validate(yaml.safe_load(yaml.safe_dump(made)), SCHEMA)
    broken = deepcopy(made)
    broken["spec"]["templates"][1]["container"]["args"] = "no list"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_a_task_waits_for_what_its_step_reads(made: dict) -> None:
    first, *templates = made["spec"]["templates"]
    assert made["spec"]["entrypoint"] == first["name"]
    waits = {one["name"]: one.get("dependencies", []) for one in first["dag"]["tasks"]}
    assert waits == {
        "rows": [],
        "features": ["rows"],
        "train": ["features"],
        "report": ["train", "rows"],
    }
    assert [one["template"] for one in first["dag"]["tasks"]] == [one["name"] for one in templates]


def test_a_pod_runs_one_step_of_the_commit_and_shares_it(made: dict) -> None:
    train = made["spec"]["templates"][3]
    assert train["container"]["args"][2:7] == ["run", "churn", "--only", "train", "--push"]
    [source] = train["inputs"]["artifacts"]
    assert source["git"] == {"repo": PLACE.repository, "revision": "abc"}
    assert train["activeDeadlineSeconds"] == str(3 * 20 * 60 + 900)
    assert train["container"]["resources"] == {
        "requests": {"cpu": "2500m", "memory": str(4 << 30)},
        "limits": {"memory": str(4 << 30), "nvidia.com/gpu": "1"},
    }


def test_secrets_are_named_and_never_written(made: dict) -> None:
    names = {
        one["name"]: [
            each["valueFrom"]["secretKeyRef"]
            for each in one["container"]["env"]
            if "valueFrom" in each
        ]
        for one in made["spec"]["templates"][1:]
    }
    assert names["rows"] == [{"name": "churn-env", "key": "TOKEN"}]
    assert names["features"] == [{"name": "churn-env", "key": "REGION"}]
    assert names["train"] == []


def test_equal_pipelines_give_equal_bytes() -> None:
    assert json.dumps(workflow(pipeline(), PLACE)) == json.dumps(workflow(pipeline(), PLACE))
