"""A step key changes exactly when something that decides the result does, and says what it was."""

from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgitops.core.digests import JSON, of_bytes
from mlgitops.core.errors import MlgitopsError, SpecError
from mlgitops.core.keys import Input, Parts, changes, from_json, key_of, to_json
from mlgitops.core.lockfiles import merged, versions
from mlgitops.core.locks import Distribution, reached

ONE, TWO = of_bytes(b"1"), of_bytes(b"2")
PARTS = Parts(
    kind="run",
    words=("features:build",),
    code={"features.py": ONE, "helper.py": ONE},
    params={"seed": 7, "months": [1, 2]},
    inputs={"rides": Input(digest=ONE, format="parquet")},
    outputs={"train": "parquet"},
    lock={"numpy": "2.4.5"},
    python="3.11",
    env=("CITY",),
)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (
            replace(PARTS, code={"features.py": TWO, "helper.py": ONE}),
            "code of features.py changed",
        ),
        (replace(PARTS, code={"features.py": ONE}), "code of helper.py is no longer reached"),
        (replace(PARTS, params={"seed": 8, "months": [1, 2]}), "param seed 7 → 8"),
        (replace(PARTS, params={"seed": 7.0, "months": [1, 2]}), "param seed 7 → 7.0"),
        (replace(PARTS, params={"seed": 7}), "param months is gone"),
        (
            replace(PARTS, inputs={"rides": Input(digest=TWO, format="parquet")}),
            "input rides changed",
        ),
        (
            replace(PARTS, inputs={"rides": Input(digest=ONE, format="csv")}),
            "input rides is read as csv, before as parquet",
        ),
        (replace(PARTS, outputs={"train": "csv"}), "output train parquet → csv"),
        (replace(PARTS, lock={"numpy": "2.4.6"}), "numpy 2.4.5 → 2.4.6"),
        (replace(PARTS, python="3.12"), "Python 3.11 → 3.12"),
        (replace(PARTS, words=("features:make",)), "it calls features:make, before features:build"),
        (replace(PARTS, env=()), "the environment variables that it is given changed"),
        (replace(PARTS, as_of="2026-01-01"), "as of None → 2026-01-01"),
        (replace(PARTS, contracts={"train": ONE}), "the contract of train changed"),
        (replace(PARTS, kind="command"), "the kind of step changed from run to command"),
    ],
)
def test_every_part_counts_and_is_named_when_it_moves(after: Parts, reason: str) -> None:
    assert key_of(after) != key_of(PARTS)
    assert changes(PARTS, after) == (reason,)


def test_order_does_not_count() -> None:
    same = replace(
        PARTS,
        params={"months": [1, 2], "seed": 7},
        code=dict(sorted(PARTS.code.items(), reverse=True)),
    )
    assert key_of(same) == key_of(PARTS)
    assert changes(PARTS, same) == ()


VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(one=VALUES, other=VALUES)
def test_the_key_changes_iff_a_change_is_named(one: JSON, other: JSON) -> None:
    before, after = replace(PARTS, params={"x": one}), replace(PARTS, params={"x": other})
    assert (key_of(before) != key_of(after)) == bool(changes(before, after))


@given(value=VALUES)
def test_parts_survive_the_record(value: JSON) -> None:
    parts = replace(PARTS, params={"x": value}, contracts={"train": TWO})
    assert key_of(from_json(to_json(parts))) == key_of(parts)


def test_what_is_no_parts_is_refused() -> None:
    with pytest.raises(MlgitopsError, match="not the parts of a step key"):
        from_json({"kind": "run"})


class Here:
    """An environment: scikit-learn needs numpy and scipy, and joblib only as an extra."""

    python = "3.11"
    known: ClassVar = {
        "numpy": Distribution(name="numpy", version="2.4.6"),
        "scipy": Distribution(name="scipy", version="1.17.1", requires=("numpy<3,>=1.25",)),
        "joblib": Distribution(name="joblib", version="1.6.0"),
        "scikit-learn": Distribution(
            name="scikit-learn",
            version="1.9.1",
            requires=("numpy>=1.22", "SciPy [fast] >=1.8", 'joblib>=1; extra == "parallel"'),
        ),
        "unrelated": Distribution(name="unrelated", version="1.0"),
    }

    def get(self, name: str) -> Distribution | None:
        return self.known.get(name)

    def owners(self, package: str) -> tuple[str, ...]:
        return {"sklearn": ("scikit-learn",)}.get(package, ())


def test_only_what_a_step_reaches_is_in_its_lock() -> None:
    locked = versions(
        "numpy==2.4.6\nscipy==1.17.1 ; python_version > '3'\nunrelated==9\n", "requirements.txt"
    )
    found = reached({"sklearn"}, locked, Here())
    assert found.versions == {"numpy": "2.4.6", "scikit-learn": "1.9.1", "scipy": "1.17.1"}
    assert found.differs == ()


def test_where_lock_and_environment_differ_the_key_says_what_ran() -> None:
    found = reached({"numpy"}, {"numpy": "2.4.5"}, Here())
    assert found.versions == {"numpy": "2.4.6"}
    assert found.differs == (("numpy", "2.4.5", "2.4.6"),)


def test_a_package_that_is_not_installed_is_taken_from_the_lock() -> None:
    assert reached({"torch"}, {"torch": "3.0"}, Here()).versions == {"torch": "3.0"}
    assert reached({"os_like"}, {}, Here()).versions == {}


def test_a_lock_file_with_hashes_and_extras_is_read() -> None:
    text = (
        "# pins\nUvicorn[standard] == 0.54.0 \\\n    --hash=sha256:abc\n"
        "zope.event==6.2  # why\n-r x\n"
    )
    assert versions(text, "requirements.lock") == {"uvicorn": "0.54.0", "zope-event": "6.2"}


LOCKS = {
    "uv.lock": (
        'version = 1\n\n[[package]]\nname = "NumPy"\nversion = "2.4.6"\n'
        'source = { registry = "x" }\n\n[[package]]\nname = "forked"\nversion = "1"\n'
        '\n[[package]]\nname = "forked"\nversion = "2"\n'
    ),
    "pylock.toml": (
        "lock-version = '1.0'\n[[packages]]\nindex = 'x'\nname = 'numpy'\nversion = '2.4.6'\n"
        "[[packages]]\nname = 'own'\n[packages.directory]\npath = '.'\n"
    ),
    "requirements.lock": "numpy==2.4.6\n",
    "requirements.txt": "NumPy===2.4.6 ; python_version > '3'\nscipy>=1\n",
}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_files_of_the_usual_tools_are_read(name: str) -> None:
    assert versions(LOCKS[name], name) == {"numpy": "2.4.6"}


def test_a_lock_file_reads_the_same_however_it_is_laid_out() -> None:
    text = LOCKS["uv.lock"]
    other = text.replace('version = "2.4.6"', 'source = {x = 1}\nversion = "2.4.6"', 1)
    other = other.replace("source = { registry", "more = { registry")
    assert versions(other, "uv.lock") == versions(text, "uv.lock") == {"numpy": "2.4.6"}


def test_a_lock_file_that_is_no_toml_is_named() -> None:
    with pytest.raises(SpecError, match="not TOML") as caught:
        versions("[[package]]\nname = \n", "uv.lock")
    assert str(caught.value.at) == "uv.lock:1:1"


def test_of_several_files_the_first_that_names_a_library_counts() -> None:
    assert merged([{"a": "1"}, {"a": "2", "b": "3"}]) == {"a": "1", "b": "3"}
