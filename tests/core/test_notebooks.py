"""A notebook counts by its code cells in order, a query by what it asks."""

import json

import pytest

from mlgitops.core.codes import Codes
from mlgitops.core.errors import SpecError
from mlgitops.core.notebooks import read_notebook
from mlgitops.core.queries import meaning_of_query
from mlgitops.core.syntax import Module
from mlgitops.core.trees import MemoryTree

FOLDER = "pipelines/p"
Cell = str | list[str] | dict[str, object]


def notebook(*cells: Cell, language: str = "python") -> bytes:
    written: list[dict[str, object]] = [
        one if isinstance(one, dict) else {"cell_type": "code", "metadata": {}, "source": one}
        for one in cells
    ]
    metadata = {"kernelspec": {"language": language, "name": "x"}}
    return json.dumps({"cells": written, "metadata": metadata, "nbformat": 4}).encode()


def module(*cells: Cell, language: str = "python") -> Module:
    return read_notebook(notebook(*cells, language=language), "a.ipynb")


BEFORE = module("import math\nx = 1", "print(math.sqrt(x))")


@pytest.mark.parametrize(
    "cells",
    [
        ("import math  # roots\nx = 1\n", "print( math.sqrt(x) )"),
        (["import math\n", "x = 1"], "print(math.sqrt(x))"),
        ("import math\nx = 1", "# a note to myself", "print(math.sqrt(x))", "  \n"),
        (
            {"cell_type": "markdown", "source": "# Title"},
            "import math\nx = 1",
            {"cell_type": "raw", "source": "raw"},
            {
                "cell_type": "code",
                "source": "print(math.sqrt(x))",
                "outputs": [{"output_type": "stream", "text": "1.0"}],
                "execution_count": 7,
                "metadata": {"collapsed": True, "tags": ["nice"]},
            },
        ),
    ],
    ids=["comments", "lines", "empty cells", "texts and outputs"],
)
def test_what_is_no_code_does_not_count(cells: tuple[Cell, ...]) -> None:
    assert module(*cells).digest == BEFORE.digest


@pytest.mark.parametrize(
    "cells",
    [
        ("import math\nx = 2", "print(math.sqrt(x))"),
        ("print(math.sqrt(x))", "import math\nx = 1"),
        ("import math\nx = 1",),
        ("import math\nx = 1", "%time print(math.sqrt(x))"),
        ("import math\nx = 1", "%%time\nprint(math.sqrt(x))"),
        (
            {
                "cell_type": "code",
                "source": "import math\nx = 1",
                "metadata": {"tags": ["parameters"]},
            },
            "print(math.sqrt(x))",
        ),
    ],
    ids=["value", "order", "fewer", "magic", "cell magic", "parameters"],
)
def test_what_is_code_counts(cells: tuple[Cell, ...]) -> None:
    assert module(*cells).digest != BEFORE.digest


def test_what_only_ipython_reads_counts_as_text_and_the_rest_as_python() -> None:
    text = "%matplotlib inline\nimport numpy\nfiles = !ls data\nif files:\n    !echo {files}\nx?"
    found = module(text)
    assert [one.module for one in found.imports] == ["numpy"]
    assert found.digest == module(text.replace("import numpy", "import  numpy  # why")).digest
    assert found.digest != module(text.replace("ls data", "ls -a data")).digest
    assert found.digest != module(text.replace("echo {files}", "cat {files}")).digest
    assert module("%%bash\nls # a").digest != module("%%bash\nls # b").digest
    assert [one.module for one in module("%%time\nimport numpy").imports] == ["numpy"]
    assert module("await fetch()").digest == module("await  fetch()").digest


def test_a_text_that_looks_like_a_magic_is_python() -> None:
    assert module('x = """\n%a\n"""  # 1').digest == module('x = """\n%a\n"""').digest


def test_another_language_counts_by_its_text() -> None:
    assert module("x <- 1 # a", language="R").digest != module("x <- 1", language="R").digest


def test_what_is_not_known_before_it_runs_is_said_with_its_cell() -> None:
    found = module("import importlib as i", "# first\ni.import_module(name)", "%run other.py")
    assert found.unseen == (
        ("cell 2, line 2", "import_module() of a name that is not written there"),
        ("cell 3", "%run runs a file that is not read"),
    )


def test_imports_of_cells_are_followed_to_the_end() -> None:
    tree = MemoryTree(
        {
            f"{FOLDER}/books/explore.ipynb": notebook(
                "from near import f", "def g():\n    import common, numpy"
            ),
            f"{FOLDER}/near.py": b"from lib import far",
            f"{FOLDER}/books/common.py": b"",
            "lib/far.py": b"",
            "lib/other.py": b"",
        }
    )
    found = Codes(tree).of_script("books/explore.ipynb", FOLDER)
    assert sorted(found.places.values()) == sorted(set(tree.files) - {"lib/other.py"})
    assert found.packages == {"numpy"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"{", "not a notebook: Expecting property name"),
        (b"[]", "not a notebook: it has no cells"),
        (b'{"worksheets": []}', "a notebook of format 3"),
        (b"\xff\xfe\xff", "not a notebook"),
    ],
)
def test_what_is_no_notebook_is_named(source: bytes, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_notebook(source, "a.ipynb")


QUERY = "select a, 'it''s -- b' as \"x /* y\" from t where c = 1"


@pytest.mark.parametrize(
    "after",
    [
        "-- what it is, and what it's not\n" + QUERY + "\n",
        QUERY.replace("from", "/* the 'table' */\n\tfrom"),
        QUERY.replace(" = ", "   =\r\n"),
        QUERY.replace("from t", "from--here\n t"),
    ],
)
def test_comments_and_layout_of_a_query_do_not_count(after: str) -> None:
    assert meaning_of_query(after.encode()) == meaning_of_query(QUERY.encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 'a  b'", "select 'a b'"),
        ('select "a  b"', 'select "a b"'),
        ("select 'a -- b'", "select 'a -- c'"),
        ("select 'a' 'b'", "select 'a'\n'b'"),
        (r"select e'a\' -- 1'", r"select e'a\' -- 2'"),
        ("select $$ -- 1 $$", "select $$ -- 2 $$"),
        ("select $t$ /* 1 */ $t$", "select $t$ /* 2 */ $t$"),
        ("select a - -b", "select a --b"),
        ("select 1 /* /* */ + 2 -- */", "select 1 /* /* */ + 3 -- */"),
        ("select a b", "select ab"),
        ("select 'a", "select  'a"),
        ("select a/**/b", "select ab"),
    ],
)
def test_queries_that_ask_another_thing_are_told_apart(one: str, other: str) -> None:
    assert meaning_of_query(one.encode()) != meaning_of_query(other.encode())
