"""Steps that are no functions and no commands: queries, notebooks."""

import json
from pathlib import Path

import pytest

from mlgitops import settings, wiring
from mlgitops.core.errors import StepFailed
from tests.flow.conftest import RunTiny, actions, edit
from tests.support import write

SQL = """\
  - name: months
    sql: queries/months.sql
    inputs: {rows: rows.rows, names: {file: data/names.csv}}
    params: [keep]
    outputs: {months: csv}
"""
QUERY = """\
-- What happened in the first days, with their names.
SELECT r.day, n.name, r.count::INTEGER AS times
FROM rows r JOIN names n ON n.day = r.day
WHERE n.number <= $keep
ORDER BY r.day
"""
NAMES = "day,number,name\n2025-12-01,1,Mon\n2025-12-09,9,Tue\n"


def add_step(root: Path, text: str, files: dict[str, str]) -> None:
    edit(root, "pipeline.yaml", "  - name: train\n", f"{text}  - name: train\n")
    write(root / "pipelines/tiny", files)


def stored(root: Path, digest: str) -> bytes:
    return wiring.seams(settings.read(root), say=lambda _: None).store.read(digest)  # type: ignore[arg-type]


def test_a_query_over_inputs_and_params_runs_once(run_tiny: RunTiny, root: Path) -> None:
    pytest.importorskip("duckdb")
    add_step(root, SQL, {"queries/months.sql": QUERY, "data/names.csv": NAMES})
    ran = {one.decision.step: one for one in run_tiny().steps}
    output = ran["months"].record.outputs["months"]
    assert (output.rows, output.columns) == (1, ("day", "name", "times"))
    assert stored(root, output.digest) == b'"day","name","times"\n2025-12-01,"Mon",3\n'

    # A comment is no other query, a word is one.
    edit(root, "queries/months.sql", "-- What", "-- Say what")
    assert actions(run_tiny())["months"] == "Reuse"
    edit(root, "queries/months.sql", "ORDER BY r.day", "ORDER BY r.count")
    again = run_tiny()
    assert actions(again)["months"] == "Execute"
    edit(root, "pipeline.yaml", "keep: 8", "keep: 9")
    assert actions(run_tiny())["months"] == "Execute"


def test_a_wrong_query_fails_with_the_place_in_its_file(run_tiny: RunTiny, root: Path) -> None:
    pytest.importorskip("duckdb")
    files = {
        "queries/months.sql": QUERY.replace("n.name", "n.nam"),
        "data/names.csv": NAMES,
    }
    add_step(root, SQL, files)
    with pytest.raises(StepFailed) as caught:
        run_tiny(until="months")
    text = caught.value.message
    assert "tiny.months failed" in text
    assert "pipelines/tiny/queries/months.sql:2:15: Binder Error" in text
    assert "SELECT r.day, n.nam," in text
    assert json.dumps("rows.rows") not in text
