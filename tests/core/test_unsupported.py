"""What is read and not acted on is said, and nothing that would do harm is ignored."""

import textwrap

import pytest

from mlgitops.core import unsupported
from mlgitops.core.errors import SpecError
from mlgitops.core.gates import check_state, evaluate, overall, teams, title, window
from mlgitops.core.sources import read
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment, Windows
from mlgitops.core.specs.gates import Gate
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.specs.projects import Project
from mlgitops.core.specs.shapes import choices, keys_of
from tests.core.test_gates import evidence

KINDS = {kind.__name__: kind for kind in (Project, Pipeline, Model, Environment)}
STEPS = """\
    apiVersion: mlgitops/v1
    kind: Pipeline
    name: churn
    steps:
      - name: rows
        source: {type: http, url: "https://example.com/rows.csv"}
        outputs: {rows: csv}
      - {name: train, run: "train:fit", inputs: {rows: rows.rows}, outputs: {model: estimator}}
      - name: each
        source: {type: bucket, url: "s3://rows/rows.csv"}
        outputs: {rows: csv}
      - name: more
        source: {type: bucket, url: "s3://rows/more.csv"}
        outputs: {more: csv}
    """


def pipeline(text: str = STEPS) -> Located[Pipeline]:
    [document] = read(textwrap.dedent(text), "pipelines/churn/pipeline.yaml").documents
    found = read_spec(document, Pipeline)
    assert isinstance(found, Located), found
    return found


@pytest.mark.parametrize("row", unsupported.ALL, ids=lambda row: f"{row.kind}.{'.'.join(row.keys)}")
def test_every_row_of_the_table_names_a_key_that_its_kind_has(row: unsupported.NotYet) -> None:
    loc = tuple(0 if key == unsupported.EACH else key for key in row.keys)
    at = [*loc]
    if "outputs" in at:
        at[at.index("outputs") + 1] = "x"
    known = choices(KINDS[row.kind], (*at, "format") if at[-1] == "x" else tuple(at))
    assert set(row.values) <= set(known)
    if not row.values and len(row.keys) == 1:
        assert row.keys[0] in keys_of(KINDS[row.kind])


def test_a_key_without_a_value_is_no_promise() -> None:
    text = STEPS.replace("name: churn", "name: churn\n    notify: ~\n    hermetic: warn")
    rows = [row.keys for _, row in unsupported.found_in(pipeline(text).document)]
    assert ("notify",) not in rows and ("hermetic",) not in rows


def test_a_step_that_would_not_do_what_its_spec_says_is_refused_with_its_place() -> None:
    with pytest.raises(SpecError) as caught:
        unsupported.refuse(pipeline(), {"each", "more"})
    assert str(caught.value) == (
        "'type: bucket' is not acted on yet (nor 1 more of its keys):"
        " the pipeline 'churn' cannot run"
    )
    assert str(caught.value.hint).startswith("fetch it in a function: ")
    assert str(caught.value.at) == "pipelines/churn/pipeline.yaml:10:20"


def test_the_other_steps_of_the_pipeline_are_not_refused() -> None:
    unsupported.refuse(pipeline(), {"train"})


@pytest.mark.parametrize(
    "gate",
    [
        Gate(contract="required"),
        Gate(freshness="7d"),
        Gate.model_validate({"soak": "24h", "in": "staging"}),
        Gate(health="staging", not_enough="pass"),
        Gate(run="gates:fair", name="fair to everybody"),
        Gate(command=["python", "fair.py"]),
    ],
    ids=lambda gate: str(gate.kind),
)
def test_a_gate_that_nothing_decides_never_passes(gate: Gate) -> None:
    assert gate.kind in unsupported.GATES
    result = evaluate(gate, evidence())
    assert result.state == overall([result]) == "error"
    assert check_state(result.state) == "failure"
    assert result.gate == title(gate) and gate.kind in result.detail


def test_every_other_gate_is_decided() -> None:
    decided = {"metric", "slices", "parity", "signature", "size_max", "latency_p99", "provenance"}
    assert decided == {kind for kind in Gate.KINDS if kind not in unsupported.GATES}


def test_windows_and_teams_are_an_error_as_long_as_nobody_can_tell() -> None:
    windows = Windows.model_validate({"deny": [{"cron": "0 16 * * FRI", "duration": "64h"}]})
    assert [one.state for one in window(windows, "promote")] == ["error"]
    assert window(windows, "rollback") == window(None, "promote") == ()
    strict = windows.model_copy(update={"rollback": "deny"})
    assert [one.state for one in window(strict, "rollback")] == ["error"]
    assert [one.state for one in teams(["risk-owners"])] == ["error"]
    assert teams([]) == ()
