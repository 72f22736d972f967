"""What decides whether a step runs: the parts of its key, read from a checkout."""

import json
from pathlib import Path

import pytest

from mlgitops.core.codes import Codes
from mlgitops.core.errors import SpecError
from mlgitops.core.keys import Parts
from mlgitops.core.plans import Reuse
from mlgitops.executor.installed import InstalledIn
from mlgitops.files import WorkTree
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.libraries import Libraries
from mlgitops.flow.plan import plan
from tests.flow.conftest import RunTiny, actions, edit, seams_of, workspace
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


@pytest.mark.parametrize(
    ("name", "text", "file"),
    [
        ("requirements-dev.txt", "duckdb==0.0.9\n", "requirements-dev.txt"),
        ("requirements.txt", "duckdb==0.0.9\n", "requirements.txt, requirements-dev.txt"),
        ("requirements.lock", "duckdb==0.0.9\n", "requirements.lock"),
        ("uv.lock", '[[package]]\nname = "duckdb"\nversion = "0.0.9"\n', "uv.lock"),
    ],
)
def test_the_first_lock_file_counts_and_says_what_is_not_installed(
    root: Path, name: str, text: str, file: str
) -> None:
    write(root, FILES)
    order = ["requirements-dev.txt", "requirements.txt", "requirements.lock", "uv.lock"]
    write(root, dict.fromkeys(order[: order.index(name)], "duckdb==0.0.1\n"))
    write(root, {name: text})
    found = Checkout(seams=seams_of(root, []), workspace=workspace(root), root=root)
    found.parts(found.node("kinds", "joined"), {})
    (note,) = found.lock_notes()
    assert note.endswith(f" is installed, {file} says 0.0.9: what is installed counts")


def test_what_reading_cannot_follow_is_said_before_anything_runs(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    edit(root, "features.py", "def build", "import importlib\n\n\ndef build")
    edit(
        root, "features.py", "    values", "    importlib.import_module(''.join('csv'))\n    values"
    )
    note = (
        "cannot be followed: pipelines/tiny/features.py:8:"
        " import_module() of a name that is not written there"
    )
    planned = {one.step: one.notes for one in plan(seams_of(root, []), workspace(root), root)}
    assert planned == {"rows": (), "features": (note,), "train": ()}
    run_tiny()
    assert sum(note in line for line in said) == 1


def reused(root: Path) -> list[str]:
    decisions = plan(seams_of(root, []), workspace(root), root)
    return [one.step for one in decisions if isinstance(one, Reuse)]


def test_a_helper_two_imports_away_runs_exactly_the_steps_that_reach_it(
    run_tiny: RunTiny, root: Path
) -> None:
    edit(root, "helper.py", "def number", "from lib.text import whole\n\n\ndef number")
    edit(root, "helper.py", "int(row", "whole(row")
    write(
        root,
        {
            "lib/__init__.py": "",
            "lib/text.py": '"""Text."""\n\n\ndef whole(text):\n    return int(text)\n',
            "lib/unrelated.py": "x = 1\n",
        },
    )
    run_tiny()
    for text in (
        '"""Texts, and what they say."""\n\n\ndef whole(text):\n    return int(text)\n',
        "# A comment.\ndef whole(text):\n    return int(  # the number\n        text)\n",
        'def whole(text):\n    """Return it as a number."""\n    return int(text)\n',
    ):
        write(root, {"lib/text.py": text})
        assert reused(root) == ["rows", "features", "train"]
    write(root, {"lib/unrelated.py": "x = 2\n", "lib/new.py": "", "pipelines/tiny/other.py": ""})
    assert reused(root) == ["rows", "features", "train"]
    write(root, {"lib/text.py": "def whole(text):\n    return int(text) + 1\n"})
    assert reused(root) == ["rows"]
    result = run_tiny()
    assert actions(result) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}
    write(root, {"lib/text.py": "def whole(text):\n    return 1 + int(text)\n"})
    # Other code, the same bytes: what is behind it does not run.
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Reuse"}


def test_a_library_that_is_installed_in_place_counts_by_its_code(
    root: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    write(
        site,
        {
            "shop-1.dist-info/METADATA": "Name: shop\nVersion: 1\n",
            "shop-1.dist-info/RECORD": "shop.pth,,\n",
            "shop-1.dist-info/direct_url.json": json.dumps(
                {"url": (root / "libs/shop").as_uri(), "dir_info": {"editable": True}}
            ),
            "away-1.dist-info/METADATA": "Name: away\nVersion: 1\n",
            "away-1.dist-info/RECORD": "away/__init__.py,,\n",
            "away-1.dist-info/direct_url.json": json.dumps(
                {"url": (tmp_path / "away").as_uri(), "dir_info": {"editable": True}}
            ),
        },
    )
    write(root, {"libs/shop/src/shop/__init__.py": "", "libs/shop/src/shop/words.py": ""})
    edit(root, "features.py", "def build", "import shop.words, away\n\n\ndef build")
    libraries = Libraries(tree=WorkTree(root), executable="")
    libraries.__dict__["_installed"] = InstalledIn((str(site),), "3.11")
    code = Codes(WorkTree(root), libraries.roots).of_function("features:build", "pipelines/tiny")
    assert {"shop/__init__.py", "shop/words.py"} <= code.files.keys()
    assert libraries.reached(code.packages) == {"away": "1"}
    (note,) = libraries.notes()
    assert note == (
        f"away is installed in place: what is edited in {tmp_path / 'away'} is not seen"
    )
