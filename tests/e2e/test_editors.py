"""What a person sees in an editor, by the real yaml-language-server where it is installed.

``npm install --global yaml-language-server``; without it these tests are skipped.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlgitops.flow.init import init
from tests.e2e.language_server import LanguageServer

SERVER = shutil.which("yaml-language-server")
pytestmark = pytest.mark.skipif(SERVER is None, reason="yaml-language-server is not installed")

LINE = "# yaml-language-server: $schema=../../.mlgitops/schemas/{}.json\n"
PIPELINE = LINE.format("pipeline") + "apiVersion: mlgitops/v1\nkind: Pipeline\nname: x\n"
ENVIRONMENT = LINE.format("environment") + "apiVersion: mlgitops/v1\nkind: Environment\nname: x\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init(tmp_path_factory.mktemp("editors") / "churn").root


@pytest.fixture(scope="module")
def editor(project: Path) -> Iterator[LanguageServer]:
    assert SERVER is not None
    with LanguageServer(SERVER, project) as server:
        yield server


def test_nothing_is_underlined_in_what_init_wrote(editor, project):
    specs = sorted(project.rglob("*.yaml"))
    assert len(specs) == 6
    for spec in specs:
        path = spec.relative_to(project).as_posix()
        assert editor.problems(path, spec.read_text("utf-8")) == [], path


def test_what_is_wrong_is_underlined_where_it_stands_with_what_to_write(editor):
    steps = """steps:
  - name: A b
    run: "m:f"
    command: [x]
    outputs: {train: parket}
  - name: s
    source: {type: python, fun: "m:f"}
    outputs: {rows: csv}
    timeout: 20
"""
    found = editor.problems("pipelines/wrong/pipeline.yaml", PIPELINE + steps)
    assert (6, "not a name: use lower-case letters, digits and '-', at most 63 of them") in found
    assert (8, "a step has exactly one of run, command, notebook, sql and source") in found
    assert any(line == 9 and 'Valid values: "parquet", "csv"' in text for line, text in found)
    assert (11, "Property fun is not allowed.") in found
    assert (11, 'Missing property "run".') in found
    assert (13, 'Incorrect type. Expected "string".') in found


def test_each_document_of_a_file_names_its_schema(editor):
    model = "apiVersion: mlgitops/v1\nkind: Model\nnam: x\n"
    text = f'{PIPELINE}steps: [{{name: a, run: "m:f", outputs: {{o: csv}}}}]\n---\n'
    found = editor.problems("pipelines/two/pipeline.yaml", text + LINE.format("model") + model)
    assert (10, "Property nam is not allowed.") in found
    assert {line for line, _ in found} == {8, 10}


def test_a_key_explains_itself(editor):
    text = PIPELINE + 'steps:\n  - {name: a, run: "m:f", timeout: 3m, outputs: {o: csv}}\n'
    assert editor.problems("pipelines/hover/pipeline.yaml", text) == []
    shown = editor.hover("pipelines/hover/pipeline.yaml", 6, 29)
    assert "#### timeout" in shown
    assert "How long it may take" in shown
    assert "Default: `1h`" in shown


@pytest.mark.parametrize(
    ("kind", "text", "labels"),
    [
        ("pipeline", PIPELINE + "steps:\n  - name: a\n    ", {"run", "command", "source", "when"}),
        ("environment", ENVIRONMENT + "target:\n  type: ", {"compose", "kubernetes", "kserve"}),
        ("environment", ENVIRONMENT + "target:\n  type: kserve\n  ", {"namespace", "registry"}),
        ("environment", ENVIRONMENT + "gates:\n  - ", {"metric", "limit", "comparison"}),
    ],
    ids=["step", "type", "target", "gate"],
)
def test_the_keys_and_words_that_fit_are_offered_and_no_null(editor, kind, text, labels, request):
    path = f"pipelines/{request.node.callspec.id}/{kind}.yaml"
    editor.problems(path, text + "\n")
    lines = text.split("\n")
    offered = editor.offered(path, len(lines), len(lines[-1]) + 1)
    assert labels <= {one["label"] for one in offered}
    assert not [one for one in offered if "null" in (one.get("insertText") or "")]
