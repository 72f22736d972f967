"""What decides whether a step runs: the parts of its key, read from a checkout."""

import json
from pathlib import Path

import pytest

from mlgitops.core.errors import SpecError
from mlgitops.core.keys import Parts
from mlgitops.flow.checkout import Checkout
from tests.flow.conftest import seams_of, workspace
from tests.support import write

KINDS = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: kinds
params: {months: [1, 2]}
steps:
  - name: customers
    source: {type: sql, connection: "${WAREHOUSE_URL}", query: customers.sql}
    outputs: {customers: parquet}
  - name: prices
    source:
      type: http
      url: "https://example.com/prices.csv"
      headers: {X-Client: me, Authorization: "Bearer ${TOKEN}"}
    outputs: {prices: csv}
  - name: joined
    sql: join.sql
    inputs: {extra: {file: extra.csv}}
    params: [months]
    outputs: {joined: parquet}
  - name: explore
    notebook: explore.ipynb
    inputs: {extra: {file: extra.csv}}
"""
FILES = {
    "pipelines/kinds/pipeline.yaml": KINDS,
    "pipelines/kinds/customers.sql": "select * from customers",
    "pipelines/kinds/join.sql": "select * from extra",
    "pipelines/kinds/extra.csv": "a\n1\n",
    "pipelines/kinds/explore.ipynb": json.dumps(
        {"cells": [{"cell_type": "code", "source": "from lib.text import lines"}]}
    ),
    "lib/text.py": "def lines(path): return 1\n",
}


def parts(root: Path, step: str) -> Parts:
    found = Checkout(seams=seams_of(root, []), workspace=workspace(root), root=root)
    return found.parts(found.node("kinds", step), {})


def test_notebooks_and_queries_are_known_by_what_they_say(root: Path) -> None:
    write(root, FILES)
    explore, joined = parts(root, "explore"), parts(root, "joined")
    assert (explore.kind, explore.words) == ("notebook", ("explore.ipynb",))
    assert explore.code.keys() == {"explore.ipynb", "lib/text.py"}
    assert (joined.kind, joined.words) == ("sql", ("join.sql",))
    assert joined.code.keys() == {"join.sql"}
    assert {"duckdb", "pyarrow"} <= joined.lock.keys()
    write(root, {"pipelines/kinds/join.sql": "-- all\nselect *\n  from extra\n"})
    assert parts(root, "joined") == joined
    write(root, {"lib/text.py": "def lines(path): return 2\n"})
    assert parts(root, "explore") != explore


def test_sources_are_known_by_what_they_ask_not_by_secrets(root: Path) -> None:
    write(root, FILES)
    customers, prices = parts(root, "customers"), parts(root, "prices")
    assert (customers.kind, customers.words) == (
        "source",
        ("sql", "${WAREHOUSE_URL}", "customers.sql"),
    )
    assert customers.code.keys() == {"customers.sql"}
    assert (prices.kind, prices.words) == (
        "source",
        (
            "http",
            "https://example.com/prices.csv",
            "Authorization: Bearer ${TOKEN}",
            "X-Client: me",
        ),
    )


def test_a_notebook_or_query_that_goes_meanwhile_is_named_with_its_place(root: Path) -> None:
    write(root, FILES)
    found = Checkout(seams=seams_of(root, []), workspace=workspace(root), root=root)
    for step, file, line in (("joined", "join.sql", 16), ("explore", "explore.ipynb", 21)):
        (root / "pipelines/kinds" / file).unlink()
        with pytest.raises(SpecError, match=f"there is no file '{file}'") as caught:
            found.parts(found.node("kinds", step), {})
        assert str(caught.value.at).startswith(f"pipelines/kinds/pipeline.yaml:{line}")


def test_the_first_lock_file_counts_and_says_what_is_not_installed(root: Path) -> None:
    write(root, FILES)
    said = Checkout(seams=seams_of(root, []), workspace=workspace(root), root=root)
    for name, text in (
        ("requirements-dev.txt", "pyarrow==0.0.3\nduckdb==0.0.4\n"),
        ("requirements.txt", "pyarrow==0.0.2\n"),
        ("requirements.lock", "pyarrow==0.0.1\n"),
        ("uv.lock", '[[package]]\nname = "pyarrow"\nversion = "0.0.0"\n'),
    ):
        write(root, {name: text})
        said = Checkout(seams=seams_of(root, []), workspace=workspace(root), root=root)
        said.parts(said.node("kinds", "joined"), {})
        notes = list(said.lock_notes())
        assert any(text.splitlines()[-1].split()[-1].strip('"')[-5:] in note for note in notes)
        if name == "requirements.txt":
            assert any("requirements.txt, requirements-dev.txt says 0.0.4" in one for one in notes)
    assert notes[0].endswith(" is installed, uv.lock says 0.0.0: what is installed counts")
