"""Steps that are no functions and no commands: queries, notebooks."""

import json
import re
from pathlib import Path

import pytest

from mlgitops import settings, wiring
from mlgitops.core.errors import Refused, SpecError, StepFailed
from mlgitops.core.records import Record
from mlgitops.flow.run import RunResult
from tests.flow.conftest import RunTiny, actions, edit, workspace
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


def record(result: RunResult, step: str) -> Record:
    """The record of a step that a run did or reused."""
    (found,) = [ran.record for ran in result.steps if ran.decision.step == step]
    assert found is not None
    return found


def stored(root: Path, digest: str) -> bytes:
    return wiring.seams(settings.read(root), say=lambda _: None).store.read(digest)  # type: ignore[arg-type]


def test_a_query_over_inputs_and_params_runs_once(run_tiny: RunTiny, root: Path) -> None:
    pytest.importorskip("duckdb")
    add_step(root, SQL, {"queries/months.sql": QUERY, "data/names.csv": NAMES})
    output = record(run_tiny(), "months").outputs["months"]
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


# -- notebooks --------------------------------------------------------------------------------

NOTEBOOK = """\
  - name: explore
    notebook: explore.ipynb
    inputs: {rows: rows.rows, log: {file: data/log.csv}}
    params: [keep, seed]
    outputs: {summary: json}
"""


def notebook(*cells: str | tuple[str, str], **metadata: object) -> str:
    """A notebook as Jupyter saves it; a cell is its code, or (tag or "markdown", its text)."""
    made = []
    for place, cell in enumerate(cells):
        tag, text = cell if isinstance(cell, tuple) else ("", cell)
        kind = "markdown" if tag == "markdown" else "code"
        one: dict[str, object] = {
            "cell_type": kind,
            "id": f"c{place}",
            "metadata": {"tags": [tag]} if tag and kind == "code" else {},
            "source": text,
        }
        if kind == "code":
            one |= {"outputs": [], "execution_count": None}
        made.append(one)
    document = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document)


CELLS = (
    ("markdown", "# What the log says"),
    ("parameters", "keep = 1\nseed = 1\nrows = []"),
    "from helper import number\ntotal = sum(number(row) for row in rows[:keep])\n"
    "print('rows', len(rows))\ntotal",
    "summary = {'total': total, 'seed': seed, 'log': log.read_text().count('\\n')}\nobject()",
)


def test_a_notebook_gets_inputs_and_params_and_leaves_itself_and_its_page(
    run_tiny: RunTiny, root: Path
) -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("nbconvert")
    add_step(root, NOTEBOOK, {"explore.ipynb": notebook(*CELLS)})
    explored = record(run_tiny(), "explore")
    made = explored.outputs
    assert list(made) == ["summary", "notebook", "html"]
    assert json.loads(stored(root, made["summary"].digest)) == {
        "total": 24,
        "seed": 7,
        "log": 21,
    }
    executed = json.loads(stored(root, made["notebook"].digest))
    tags = [cell["metadata"].get("tags") for cell in executed["cells"]]
    assert tags == [None, ["parameters"], ["injected-parameters"], None, None]
    assert "".join(executed["cells"][2]["source"]) == (
        "# The inputs and params of this step.\n"
        "import json\n"
        "from pathlib import Path\n"
        "\n"
        "rows = json.loads(Path('inputs/rows.json').read_text(encoding='utf-8'))\n"
        "log = Path('inputs/log/log.csv')\n"
        "keep = 8\n"
        "seed = 7"
    )
    printed, value = executed["cells"][3]["outputs"]
    assert printed["text"] == ["rows 20\n"] and value["data"]["text/plain"] == ["24"]
    page = stored(root, made["html"].digest).decode()
    assert "What the log says" in page and "rows 20" in page
    assert not re.search(r"""(src|href|import)\\s*[=(]\\s*["']?https?://""", page)
    log = explored.log
    assert log is not None and stored(root, log) == b"rows 20\n"
    assert str(root) not in page and str(root) not in json.dumps(executed)

    # A text is no code; the same cells give the same bytes.
    write(root / "pipelines/tiny", {"explore.ipynb": notebook(("markdown", "# Why"), *CELLS[1:])})
    assert actions(run_tiny())["explore"] == "Reuse"
    write(root / "pipelines/tiny", {"explore.ipynb": notebook(*CELLS)})
    assert record(run_tiny(force=True, until="explore"), "explore").outputs == made


def test_a_cell_that_fails_is_named_with_its_line(run_tiny: RunTiny, root: Path) -> None:
    pytest.importorskip("nbclient")
    cells = (*CELLS[:3], "def mean(values):\n    return sum(values) / len(values)\n\nmean([])")
    add_step(root, NOTEBOOK, {"explore.ipynb": notebook(*cells)})
    with pytest.raises(StepFailed) as caught:
        run_tiny(until="explore")
    text = caught.value.message
    assert "tiny.explore failed" in text
    assert "ZeroDivisionError: division by zero" in text
    assert 'File "pipelines/tiny/explore.ipynb, cell 3", line 4, in <module>' in text
    assert 'File "pipelines/tiny/explore.ipynb, cell 3", line 2, in mean' in text
    assert "return sum(values) / len(values)" in text
    assert "rows 20" in text
    assert "ipykernel" not in text


def test_a_notebook_that_does_not_set_its_output_is_told_so(run_tiny: RunTiny, root: Path) -> None:
    pytest.importorskip("nbclient")
    add_step(root, NOTEBOOK, {"explore.ipynb": notebook("sumary = {}")})
    with pytest.raises(StepFailed, match=r"sets no variable 'summary'.*did you mean 'sumary'"):
        run_tiny(until="explore")


def test_what_a_notebook_reads_undeclared_is_noted_with_its_cell(
    run_tiny: RunTiny, root: Path
) -> None:
    pytest.importorskip("nbclient")
    cells = ("folder = __import__('helper').__file__", "import pathlib", OPENS)
    add_step(root, NOTEBOOK, {"explore.ipynb": notebook(*cells), "secret.txt": "no"})
    explored = record(run_tiny(until="explore"), "explore")
    assert "pipelines/tiny/secret.txt at pipelines/tiny/explore.ipynb, cell 3:2" in (
        explored.undeclared
    )


OPENS = """\
place = pathlib.Path(folder).parent / 'secret.txt'
summary = place.read_text()
"""


def test_the_kernel_ends_with_the_step_at_its_timeout(run_tiny: RunTiny, root: Path) -> None:
    pytest.importorskip("nbclient")
    place = root / "pid"
    cell = f"import os, time\nopen({str(place)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    step = NOTEBOOK + "    timeout: 15s\n"
    add_step(root, step, {"explore.ipynb": notebook(cell)})
    with pytest.raises(StepFailed, match="stopped at its timeout of 15s"):
        run_tiny(until="explore")
    status = Path(f"/proc/{place.read_text()}/status")
    # Nobody may have asked yet how it ended.
    assert not status.exists() or "State:\tZ" in status.read_text()


def test_a_file_that_is_no_notebook_is_told_before_anything_runs(
    run_tiny: RunTiny, root: Path
) -> None:
    add_step(root, NOTEBOOK, {"explore.ipynb": "# %%\nprint('a script')\n"})
    with pytest.raises(SpecError, match="not a notebook") as caught:
        run_tiny(until="explore")
    assert caught.value.at is not None
    assert caught.value.at.path == "pipelines/tiny/explore.ipynb"


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("    notebook: a.ipynb\n    outputs: {html: text}\n", "has an output 'html' already"),
        ("    sql: a.sql\n    outputs: {rows: estimator}\n", "not stored as estimator"),
    ],
)
def test_outputs_that_a_kind_of_step_cannot_have_are_refused(
    root: Path, step: str, told: str
) -> None:
    edit(root, "pipeline.yaml", "  - name: train\n", f"  - name: other\n{step}  - name: train\n")
    with pytest.raises(Refused, match=told):
        workspace(root)
