"""Each mistake in a spec is one sentence in our words, with its place and the next step."""

import random
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from mlgitops.core.sources import read
from mlgitops.core.specs.base import Located, Spec
from mlgitops.core.specs.environments import Environment, Hold, Pin, Snapshot
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.parsing import read_one_of, read_spec
from mlgitops.core.specs.pipelines import FileInput, Pipeline
from mlgitops.core.specs.projects import Project
from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load

BASE = Path(__file__).parents[1] / "data/rules/_base"
KINDS: dict[str, type[Spec]] = {
    "mlgitops.yaml": Project,
    "pipelines/churn/pipeline.yaml": Pipeline,
    "pipelines/churn/model.yaml": Model,
    "pipelines/churn/snapshots/customers.yaml": Snapshot,
    "environments/prod/environment.yaml": Environment,
    "environments/dev/pins/churn.yaml": Pin,
    "environments/prod/holds/churn.yaml": Hold,
}
# Words of the library's own; nobody who writes YAML knows what they mean.
JARGON = re.compile(
    r"Input|valid |Field required|Extra|pydantic|dictionary|instance|NoneType|union"
)


def told(text: str, *kinds: type[Spec]) -> list[str]:
    [document] = read(textwrap.dedent(text), "a.yaml").documents
    found = read_one_of(document, kinds)
    if isinstance(found, Located):
        return []
    return [
        f"{f.at.line}:{f.at.column}+{f.at.length} [{f.rule}] {f.message} ({f.hint})" for f in found
    ]


def pipeline(step: str) -> str:
    return f"apiVersion: mlgitops/v1\nkind: Pipeline\nname: p\nsteps:\n  - {step}\n"


def environment(lines: str, target: str = "{type: compose, image: 'serving:1'}") -> str:
    return f"apiVersion: mlgitops/v1\nkind: Environment\nname: e\ntarget: {target}\n{lines}\n"


@pytest.mark.parametrize("path", KINDS)
def test_a_right_spec_is_read(path: str) -> None:
    [document] = read((BASE / path).read_bytes(), path).documents
    found = read_spec(document, KINDS[path])
    assert isinstance(found, Located)
    assert type(found.spec) is KINDS[path]


def test_an_input_is_an_output_or_a_file() -> None:
    text = pipeline('{name: a, run: "m:f", inputs: {x: b.c, y: {file: d}}, outputs: {o: csv}}')
    [document] = read(text, "a.yaml").documents
    found = read_spec(document, Pipeline)
    assert isinstance(found, Located)
    assert found.spec.steps[0].inputs == {"x": "b.c", "y": FileInput(file="d")}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            "{name: a, outputs: {o: csv}}",
            "5:6+4 [value] a step has exactly one of run, command, notebook, sql and source; "
            "this one has none "
            "(add run: 'module:function')",
        ),
        (
            '{name: a, run: "m:f", command: [x], outputs: {o: csv}}',
            "5:27+7 [value] a step has exactly one of run, command, notebook, sql and source; "
            "this one has run and command (write one step for each)",
        ),
        (
            '{name: a, run: "m:f", inputs: {x: 3}, outputs: {o: csv}}',
            "5:39+1 [type] 'x' must be 'step.output', or {file: path}, not the number 3 "
            "(name the step that makes it and its output, as in 'features.train')",
        ),
        (
            '{name: a, run: "m:f", inputs: {x: train}, outputs: {o: csv}}',
            "5:39+5 [value] 'train' is not an output of a step (write it as 'step.output')",
        ),
        (
            '{name: a, run: "m:f", inputs: {x: {fil: d}}, outputs: {o: csv}}',
            "5:40+3 [unknown-key] unknown key 'fil' in 'x' (did you mean 'file'?)",
        ),
        (
            '{name: a, run: "m:f", inputs: {x: {file: ../../etc/passwd}}, outputs: {o: csv}}',
            "5:46+16 [value] '../../etc/passwd' is not a path inside of the repository "
            "(write a relative path with '/' and without '..')",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: parqet}}',
            "5:40+6 [value] 'o' must be parquet, csv, json, jsonl, npy, npz, text, bytes, "
            "directory, figure, onnx, estimator or unsafe-pickle, not the text 'parqet' "
            "(did you mean 'parquet'?)",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: {format: csv, contrct: x}}}',
            "5:54+7 [unknown-key] unknown key 'contrct' in 'o' (did you mean 'contract'?)",
        ),
        (
            '{name: a, run: "m:f", outputs: {}}',
            "5:27+7 [value] 'outputs' is empty (give at least one)",
        ),
        (
            "{name: a, source: {type: pyton, run: 'm:f'}, outputs: {o: csv}}",
            "5:30+5 [value] 'type' must be python, file, sql, http or bucket, not the text 'pyton' "
            "(did you mean 'python'?)",
        ),
        (
            "{name: a, source: {run: 'm:f'}, outputs: {o: csv}}",
            "5:15+6 [missing-key] 'type' is missing in 'source' "
            "(add 'type: python | file | sql | http | bucket')",
        ),
        (
            "{name: a, source: {type: file, file: x, path: y}, outputs: {o: csv}}",
            "5:36+4 [unknown-key] unknown key 'file' in 'source' ('file' belongs in 'inputs')",
        ),
        (
            "{name: a, source: {type: file, path: y}, outputs: {o: csv, p: csv}}",
            "5:46+7 [value] a source brings in exactly one output; this one has 2 "
            "(write one step for each)",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, retries: "3"}',
            "5:55+3 [type] 'retries' must be a whole number, not the text '3' "
            "(write it without quotes: 3)",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, retries: 1.5}',
            "5:55+3 [type] 'retries' must be a whole number, not the number 1.5 "
            "(write it without a point, as in 3)",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, retries: true}',
            "5:55+4 [type] 'retries' must be a whole number, not true "
            "(write it in digits, as in 3)",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, retries: 11}',
            "5:55+2 [value] 'retries' must be at most 10, not the number 11 (write 10 or less)",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, timeout: 60}',
            "5:55+2 [value] 60 is not a duration "
            "(write it with its unit: 100ms, 90s, 20m, 24h or 7d)",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, params: seed}',
            "5:54+4 [type] 'params' must be a list, not the text 'seed' "
            "(write it as a list: [seed])",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, params: [seed, lr, seed]}',
            "5:65+4 [value] 'seed' is listed twice (delete the second seed)",
        ),
        (
            "{name: a, run: fit, outputs: {o: csv}}",
            "5:20+3 [value] 'fit' is not a function (write it as 'module:function')",
        ),
        (
            '{name: Train It, run: "m:f", outputs: {o: csv}}',
            "5:12+8 [value] 'Train It' is not a name "
            "(use lower-case letters, digits and '-', at most 63 of them)",
        ),
        (
            '{name: 2024, run: "m:f", outputs: {o: csv}}',
            "5:12+4 [type] 'name' must be text, not the number 2024 (put it in quotes: \"2024\")",
        ),
        (
            '{name: a, run: "m:f", outputs: {o-p: csv}}',
            "5:37+3 [value] 'o-p' is not an identifier "
            "(use letters, digits and '_', like 'train_rows')",
        ),
        (
            "train",
            "5:5+5 [type] item 1 of 'steps' must be a mapping of keys to values, "
            "not the text 'train' (write it as {key: value})",
        ),
        (
            '{name: a, run: "m:f", outputs: {o: csv}, schedule: "0 5 * * 1"}',
            "5:46+8 [unknown-key] unknown key 'schedule' in item 1 of 'steps' "
            "('schedule' belongs at the top level)",
        ),
        (
            '{name: a, run: "m:f", outputs: ~}',
            "5:36+1 [type] 'outputs' must be a mapping of keys to values, not nothing "
            "(give a value, or leave the key out)",
        ),
    ],
)
def test_a_wrong_step_is_told(step: str, expected: str) -> None:
    assert told(pipeline(step), Pipeline) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            environment("gates: [{metric: mae}]"),
            "5:10+6 [value] a metric gate has exactly one of min, max and no_worse_than; "
            "this one has none (add one of them)",
        ),
        (
            environment("gates: [{metric: mae, min: 1, max: 2}]"),
            "5:31+3 [value] a metric gate has exactly one of min, max and no_worse_than; "
            "this one has min and max (write one gate for each)",
        ),
        (
            environment("gates: [{metric: mae, max: 1, parity: required}]"),
            "5:31+6 [value] a gate has exactly one of metric, slices, parity, signature, size_max, "
            "latency_p99, provenance, contract, freshness, soak, health, run and command; "
            "this one has metric and parity (write one gate for each)",
        ),
        (
            environment("gates: [{parity: required, max: 3}]"),
            "5:28+3 [value] 'max' belongs to a metric gate (name the metric)",
        ),
        (
            environment("gates: [{metric: mae, max: '3'}]"),
            "5:28+3 [type] 'max' must be a number, not the text '3' (write it without quotes: 3)",
        ),
        (
            environment("gates: [{size_max: 50}]"),
            "5:20+2 [value] 50 is not a size (write it as 500KB, 50MB or 4GiB)",
        ),
        (
            environment("promotion: {auto: 'yes'}"),
            "5:19+5 [type] 'auto' must be true or false, not the text 'yes' (write true)",
        ),
        (
            environment("aproval: 2"),
            "5:1+7 [unknown-key] unknown key 'aproval' (did you mean 'approvals'?)",
        ),
        (
            environment("", target="{type: kserve, namespace: n, registry: ghcr.io/acme}"),
            "4:48+12 [value] 'ghcr.io/acme' is not a registry "
            "(write it as oci://registry.example.com/models)",
        ),
        (
            environment("", target="{type: compose, image: 'a b'}"),
            "4:32+5 [value] 'a b' is not the name of an image "
            "(write it as ghcr.io/acme/serving:1.2)",
        ),
    ],
)
def test_a_wrong_environment_is_told(text: str, expected: str) -> None:
    assert told(text, Environment) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "apiVersion: mlgitops/v2\nkind: Thing\nunheard: of\n",
            "1:13+11 [api-version] this file needs a newer mlgitops: it is written for "
            "mlgitops/v2 (this one reads mlgitops/v1; install a newer one)",
        ),
        (
            "apiVersion: v1\nkind: Pin\n",
            "1:13+2 [api-version] there is no apiVersion 'v1' (write 'apiVersion: mlgitops/v1')",
        ),
        (
            "apiVersion: 1\nkind: Pin\n",
            "1:13+1 [api-version] there is no apiVersion 1 (write 'apiVersion: mlgitops/v1')",
        ),
        (
            "kind: Pin\n",
            "1:1+4 [missing-key] 'apiVersion' is missing (write 'apiVersion: mlgitops/v1')",
        ),
        (
            "apiVersion: mlgitops/v1\n",
            "1:1+10 [missing-key] 'kind' is missing (write 'kind: Pin')",
        ),
        (
            "apiVersion: mlgitops/v1\nkind: Hold\n",
            "2:7+4 [kind] the kind here is Pin, not 'Hold' "
            "(write 'kind: Pin', or move it to its place)",
        ),
        (
            "- a\n",
            "1:1+1 [type] kind Pin is a mapping of keys to values "
            "(start with 'apiVersion: mlgitops/v1')",
        ),
    ],
)
def test_the_head_of_a_document_is_told_before_all_else(text: str, expected: str) -> None:
    assert told(text, Pin) == [expected]


def test_all_that_is_wrong_in_a_document_is_told_at_once() -> None:
    found = told("apiVersion: mlgitops/v1\nkind: Pin\nmodle: churn\nversion: 1.4\ndigest: x\n", Pin)
    assert found == [
        "4:10+3 [value] 1.4 is not a version (write it as 1.4.0)",
        "5:9+1 [value] 'x' is not a digest (write it as sha256:<64 hex digits>)",
        "3:1+5 [unknown-key] unknown key 'modle' (did you mean 'model'?)",
    ]


# -- whatever stands where: never a traceback, always a place, always our words ------------------

ODD: list[object] = [
    None,
    True,
    0,
    -1,
    1e300,
    3.5,
    "",
    "x",
    "a b",
    "../x",
    "9" * 400,
    "name\nname",
    [],
    [[]],
    ["x", "x"],
    [1],
    {},
    {"type": "python"},
    {"type": {}},
    {"file": {}},
    {"x": {"y": {"z": 1}}},
    {"type": "kserve", "kserve": 1},
]


def places(value: object, keys: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [keys] if keys else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        found += places(item, (*keys, key))
    return found


def changed(value: object, keys: tuple[str | int, ...], how: random.Random) -> object:
    """`value` with what is at `keys` replaced, deleted, or given a key that nobody knows."""
    head, rest = keys[0], keys[1:]
    copy: dict[object, object] | list[object]
    copy = dict(value) if isinstance(value, dict) else list(value)  # type: ignore[call-overload]
    if rest:
        copy[head] = changed(copy[head], rest, how)
        return copy
    match how.randrange(4):
        case 0 | 1:
            copy[head] = how.choice(ODD)
        case 2:
            del copy[head]
        case _ if isinstance(copy, dict):
            copy[f"{head}s"] = copy.pop(head)
        case _:
            copy.append(how.choice(ODD))
    return copy


@pytest.mark.parametrize("path", KINDS)
def test_any_change_of_a_spec_is_read_or_told_in_our_words(path: str) -> None:
    how = random.Random(7)
    original = yaml.safe_load((BASE / path).read_text())
    if path.endswith("snapshots/customers.yaml"):
        original["as_of"] = "2026-01-05T00:00:00Z"
    for _ in range(300):
        value = original
        for _ in range(how.randrange(1, 4)):
            known = places(value)
            if known:
                value = changed(value, how.choice(known), how)
        text = yaml.safe_dump(value, sort_keys=False, default_flow_style=how.choice([None, True]))
        files = {**{p: (BASE / p).read_bytes() for p in KINDS}, path: text.encode()}
        for finding in load(MemoryTree(files)).findings:
            words = f"{finding.message} {finding.hint}"
            assert not JARGON.search(words), f"{words}\n{text}"
            assert "\n" not in words and finding.hint, f"{words}\n{text}"
            assert finding.at.line <= text.count("\n") + 1 or finding.at.path != path


def test_a_message_shows_no_secret() -> None:
    url = "postgresql://ada:hunter2@db.example.com/churn"
    source = f'{{type: sql, connection: "{url}", query: q.sql}}'
    [line] = told(pipeline(f"{{name: a, source: {source}, outputs: {{o: csv}}}}"), Pipeline)
    assert "is not a connection" in line and "hunter2" not in line
