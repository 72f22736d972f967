"""Every kind of name that is misspelt is told with the name that was meant."""

import pytest

from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load
from tests.core.test_rules import MODEL, NOT_YET, PIPELINE, PROD, base

PROJECT = "mlgitops.yaml"
PIN = "environments/dev/pins/churn.yaml"
HOLD = "environments/prod/holds/churn.yaml"
SNAPSHOT = "pipelines/churn/snapshots/customers.yaml"
CONTRACT = "pipelines/churn/contracts/rows.yaml"
TEMPLATE = "environments/templates/kserve/inferenceservice.yaml.j2"
COMMAND = 'command: [python, prep.py, "{inputs.customers}", "{outputs.train}", "{outputs.test}"]'
EXTRA = {
    "pipelines/churn/prep.py": b"",
    "pipelines/churn/data/plans.csv": b"",
    CONTRACT: b"apiVersion: mlgitops/v1\nkind: Contract\nname: rows\nstrict: true\n"
    b"columns: {customer: string, plan: string, calls: integer, minutes: number, left: boolean}\n",
    TEMPLATE: b"kind: InferenceService\nmetadata: {name: {{ model | to_json }}}\n",
    "environments/templates/kserve/_labels": b"team: data\n",
}
# (what is misspelt, file, what stands there, what is written instead, the misspelt word, meant)
TABLE = [
    ("a key of a project", PROJECT, "name:", "nmae:", "nmae", "name"),
    ("a key of a pipeline", PIPELINE, "steps:", "stepps:", "stepps", "steps"),
    ("a key of a step", PIPELINE, "    outputs: {model", "    output: {model", "output", "outputs"),
    ("a key of a source", PIPELINE, 'run: "sources', 'runs: "sources', "runs", "run"),
    ("a key of a model", MODEL, "artifact:", "artefact:", "artefact", "artifact"),
    ("a key of an evaluation", MODEL, "metrics:", "metric:", "metric", "metrics"),
    ("a key of a gate", PROD, "margin: 0.005", "margn: 0.005", "margn", "margin"),
    ("a key of an environment", PROD, "approvals:", "aprovals:", "aprovals", "approvals"),
    ("a key of a target", PROD, "namespace:", "namspace:", "namspace", "namespace"),
    ("a key of a pin", PIN, "version:", "verison:", "verison", "version"),
    ("a key of a hold", HOLD, "reason:", "reasn:", "reasn", "reason"),
    ("a kind", PIPELINE, "kind: Pipeline", "kind: Pipline", "Pipline", "Pipeline"),
    ("a type of source", PIPELINE, "type: python", "type: pyhton", "pyhton", "python"),
    ("a type of target", PROD, "type: kserve", "type: kserv", "kserv", "kserve"),
    ("a format", PIPELINE, "customers: parquet", "customers: parket", "parket", "parquet"),
    (
        "a task",
        MODEL,
        "binary-class",
        "binary-clas",
        "binary-clasification",
        "binary-classification",
    ),
    ("what a gate asks", PROD, "no_worse_than: live", "no_worse_than: life", "life", "live"),
    ("a way to require", PROD, "after: [dev]", "after: [dev]\nrequire: al", "al", "all"),
    ("a step in an input", PIPELINE, "features.train", "feature.train", "feature", "features"),
    ("an output in an input", PIPELINE, "features.train", "features.trian", "trian", "train"),
    ("a step in an artifact", MODEL, "train.model", "trian.model", "trian", "train"),
    ("an output in an artifact", MODEL, "train.model", "train.modle", "modle", "model"),
    ("the evaluation data", MODEL, "features.test", "features.tset", "tset", "test"),
    (
        "the reference data",
        MODEL,
        "reference: features.train",
        "reference: features.trin",
        "trin",
        "train",
    ),
    ("a param of a step", PIPELINE, "params: [seed]", "params: [sead]", "sead", "seed"),
    ("a param of a function", PIPELINE, "inputs: {train:", "inputs: {trains:", "trains", "train"),
    (
        "a param in a condition",
        PIPELINE,
        "params: [seed]",
        "params: [seed]\n    when: params.sead > 1",
        "sead",
        "seed",
    ),
    (
        "a step in a condition",
        PIPELINE,
        "params: [seed]",
        "params: [seed]\n    when: feature.train.rows > 1",
        "feature",
        "features",
    ),
    (
        "a param of a loop",
        PIPELINE,
        "params: [seed]",
        "foreach: {seed: params.month}",
        "month",
        "months",
    ),
    (
        "a placeholder",
        PIPELINE,
        'run: "features:build"',
        COMMAND.replace("s.customers", "s.customer"),
        "inputs.customer",
        "inputs.customers",
    ),
    (
        "a group of placeholders",
        PIPELINE,
        'run: "features:build"',
        COMMAND.replace("{inputs", "{input"),
        "input.customers",
        "inputs.customers",
    ),
    (
        "a program",
        PIPELINE,
        'run: "features:build"',
        COMMAND.replace("prep.py", "perp.py"),
        "perp.py",
        "prep.py",
    ),
    ("a module", PIPELINE, "features:build", "feature:build", "feature", "features"),
    ("a function", PIPELINE, "features:build", "features:bild", "bild", "build"),
    ("the function of the labels", MODEL, "labels:leavers", "labels:leaver", "leaver", "leavers"),
    (
        "a file",
        PIPELINE,
        "inputs: {train: features.train}",
        "inputs: {train: {file: data/plan.csv}}",
        "data/plan.csv",
        "data/plans.csv",
    ),
    (
        "a contract",
        PIPELINE,
        "test: parquet",
        "test: {format: parquet, contract: contracts/row.yaml}",
        "contracts/row.yaml",
        "contracts/rows.yaml",
    ),
    (
        "a column of a contract",
        MODEL,
        "[plan, calls, minutes]",
        "[plan, calls, minuts]",
        "minuts",
        "minutes",
    ),
    ("a slice", MODEL, "slices: [plan]", "slices: [minute]", "minute", "minutes"),
    (
        "a metric of a model",
        MODEL,
        "[roc_auc, brier]",
        "[roc_auc, brier, recal]",
        "recal",
        "recall",
    ),
    ("a metric of a gate", PROD, "metric: roc_auc", "metric: roc_acu", "roc_acu", "roc_auc"),
    ("a model in a gate", PROD, "model: churn", "model: chrun", "chrun", "churn"),
    ("a model in a pin", PIN, "model: churn", "model: chrun", "chrun", "churn"),
    ("a model in a hold", HOLD, "model: churn", "model: chrun", "chrun", "churn"),
    ("a pipeline in a model", MODEL, "pipeline: churn", "pipeline: chrun", "chrun", "churn"),
    ("an environment", PROD, "after: [dev]", "after: [dve]", "dve", "dev"),
    ("an environment of a gate", PROD, "gates:", "gates:\n  - {soak: 1h, in: dve}", "dve", "dev"),
    (
        "a time zone",
        PROD,
        "after: [dev]",
        "after: [dev]\nwindows:\n  timezone: Europe/Berln\n"
        '  deny: [{cron: "0 16 * * FRI", duration: 64h}]',
        "Europe/Berln",
        "Europe/Berlin",
    ),
    (
        "a check",
        PROJECT,
        "kind: Project",
        "kind: Project\nforge: {rules: {checks: [mlgitops/gate]}}",
        "mlgitops/gate",
        "mlgitops/gates",
    ),
    ("a name in a template", TEMPLATE, "{{ model", "{{ modle", "modle", "model"),
    ("a filter in a template", TEMPLATE, "to_json", "to_jsn", "to_jsn", "to_json"),
    (
        "an included template",
        TEMPLATE,
        "kind: InferenceService",
        "kind: Inference {% include '_lables' %}",
        "_lables",
        "_labels",
    ),
]


@pytest.mark.parametrize(("what", "path", "old", "new", "wrong", "meant"), TABLE)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(
    what: str, path: str, old: str, new: str, wrong: str, meant: str
) -> None:
    files = {**base(), **EXTRA}
    text = files[PIPELINE].decode()
    files[PIPELINE] = text.replace(
        "test: parquet", "test: {format: parquet, contract: contracts/rows.yaml}"
    ).encode()
    if old == "test: parquet":
        files[PIPELINE] = text.encode()
    changed = files[path].decode()
    assert old in changed
    files[path] = changed.replace(old, new, 1).encode()
    lines = files[path].decode().split("\n")
    found = [one for one in load(MemoryTree(files)).findings if one.rule != NOT_YET]
    told = [one for one in found if one.hint == f"did you mean {meant!r}?"]
    assert told, [str(one) for one in found]
    at = told[0].at
    assert at.path == path
    assert lines[at.line - 1][at.column - 1 : at.column - 1 + at.length].strip("\"'") == wrong


def test_what_the_table_starts_from_is_right() -> None:
    files = {**base(), **EXTRA}
    found = [one.rule for one in load(MemoryTree(files)).findings if one.rule != NOT_YET]
    assert found == ["contract-unused"]
