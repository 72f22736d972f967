"""Every format gives back what went in, the same bytes for the same object, and no pickle."""

import gzip
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlgitops import formats
from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import Refused

FRAME = pd.DataFrame(
    {
        "day": pd.to_datetime(["2026-01-01", "", "2026-01-03"], utc=True),
        "count": [1, 2, 3],
        "share": np.array([0.1, np.nan, 1e-300]),
        "kind": ["a", None, "é"],
        "group": pd.Categorical(["x", "y", "x"]),
    }
)


@pytest.mark.parametrize(
    ("format", "value"),
    [
        ("parquet", FRAME),
        ("parquet", FRAME.iloc[:0].drop(columns="group")),
        ("parquet", FRAME.set_index("count")),
        ("csv", FRAME[["count", "share", "kind"]]),
        ("json", {"b": [1, 2.5, None, True], "a": {"é": "x"}}),
        ("text", "a\r\nb\né"),
        ("bytes", b"\0\r\n\xff"),
        ("jsonl", [{"b": 1, "a": "é\u2028\x85x"}, [None], "line\nbreak"]),
        ("jsonl", []),
    ],
)
def test_what_goes_in_comes_out(format: str, value: Any, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    said = formats.write(value, one, format)
    back: Any = formats.read(one, format)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(back, value)
        assert (said.rows, said.columns is not None) == (len(value), True)
        assert formats.describe(one, format) == said
    else:
        assert back == value
    formats.write(value, other, format)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(3, 2),
        np.array(["é", "xyz"]),
        np.array("2026-01-01", dtype="datetime64[D]"),
        np.zeros((0, 4), dtype=np.uint8),
    ],
)
def test_arrays_come_back_as_they_were(value: Any, tmp_path: Path) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    said = formats.write(value, one, "npy")
    np.testing.assert_array_equal(formats.read(one, "npy"), value)
    assert formats.describe(one, "npy") == said
    formats.write({"b": value, "a": value}, many, "npz")
    back: Any = formats.read(many, "npz")
    assert list(back) == ["a", "b"]
    np.testing.assert_array_equal(back["b"], value)
    before = many.read_bytes()
    formats.write({"a": value, "b": value}, many, "npz")
    assert many.read_bytes() == before


def test_no_array_is_pickled(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be stored without pickle"):
        formats.write(np.array([{}]), tmp_path / "a", "npy")
    with pytest.raises(Refused, match="an array for 'x' is wanted, not list"):
        formats.write({"x": [1]}, tmp_path / "a", "npz")
    np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(Refused, match="cannot be read as npy"):
        formats.read(tmp_path / "b.npy", "npy")


def test_a_graph_comes_back_and_what_is_none_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph)
    formats.write(model, tmp_path / "a", "onnx")
    assert formats.read(tmp_path / "a", "onnx") == model
    formats.write(model.SerializeToString(), tmp_path / "b", "onnx")
    assert isinstance(formats.read(tmp_path / "b", "onnx"), onnx.ModelProto)
    with pytest.raises(Refused, match="cannot be read as onnx"):
        formats.write(b"no graph", tmp_path / "c", "onnx")
    with pytest.raises(Refused, match="a graph is wanted, not str"):
        formats.write("no graph", tmp_path / "c", "onnx")


def test_a_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n\n{"a": \n')
    with pytest.raises(Refused, match=r"rows\.jsonl, line 3"):
        formats.read(tmp_path / "rows.jsonl", "jsonl")


def test_numpy_is_plain_in_json(tmp_path: Path) -> None:
    value = {
        "a": np.float64(0.1),
        "b": np.int32(3),
        "c": np.array([[1, 2]]),
        "d": (np.bool_(True),),
    }
    formats.write(value, tmp_path / "x", "json")
    assert formats.read(tmp_path / "x", "json") == {"a": 0.1, "b": 3, "c": [[1, 2]], "d": [True]}


def test_other_frames_are_tables_too(tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.table({"x": [1, 2]})
    formats.write(table, tmp_path / "x", "parquet")
    assert list(formats.read(tmp_path / "x", "parquet")["x"]) == [1, 2]  # type: ignore[index]


@pytest.mark.parametrize(
    ("format", "value", "why"),
    [
        ("parquet", [1, 2], "a table is wanted, not list"),
        ("parquet", pd.DataFrame({"x": [1, "a"]}), "cannot be stored as parquet"),
        ("parquet", pd.DataFrame([[1, 2]], columns=["x", "x"]), "Duplicate column names"),
        ("csv", "x", "a table is wanted, not str"),
        ("json", {"x": float("inf")}, "inf is no JSON number"),
        ("json", {1: 2}, "a JSON key must be text, not int: 1"),
        ("json", {"x": datetime(2026, 1, 1, tzinfo=UTC)}, "datetime.datetime has no JSON form"),
        ("text", b"x", "text is wanted, not bytes"),
        ("text", "\ud800", "no form in UTF-8: surrogates not allowed at 0"),
        ("bytes", "x", "bytes are wanted, not str"),
        ("estimator", {"model": None}, "an estimator is wanted, not dict"),
    ],
)
def test_what_does_not_fit_is_refused(format: str, value: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=why):
        formats.write(value, tmp_path / "x", format)


def test_an_estimator_that_nobody_could_load_is_refused_when_it_is_made(tmp_path: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(Refused, match="FunctionTransformer cannot be stored without pickle"):
        formats.write(FunctionTransformer(lambda x: x), tmp_path / "x", "estimator")


@pytest.mark.parametrize("format", ["parquet", "csv", "json", "text", "estimator"])
def test_a_file_of_another_format_is_refused(format: str, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\xff\xfe\0\x01")
    with pytest.raises(Refused, match=rf"x\.bin cannot be read as {format}"):
        formats.read(tmp_path / "x.bin", format)


def test_a_compressed_csv_is_read_by_what_it_is_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(b"a,b\n1,x\n2,1\n"))
    frame: Any = formats.read(tmp_path / "x", "csv")
    assert list(frame["a"]) == [1, 2]
    assert list(frame["b"]) == ["x", "1"]


FIT = """
import sys
from pathlib import Path
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
import pandas as pd
from mlgitops import formats
rows = pd.DataFrame({"x": np.arange(40.0), "kind": ["a", "b"] * 20})
columns = ColumnTransformer([("x", StandardScaler(), ["x"]), ("k", OneHotEncoder(), ["kind"])])
forest = RandomForestClassifier(5, random_state=np.random.RandomState(3))
model = make_pipeline(columns, forest).fit(rows, rows["x"] > 20)
print(*formats.write(model, Path(sys.argv[1]), "estimator").types)
back = formats.read(Path(sys.argv[1]), "estimator", [sys.argv[2]])
assert (back.predict(rows) == model.predict(rows)).all()
"""


def test_an_estimator_is_the_same_bytes_in_every_process_and_no_pickle(tmp_path: Path) -> None:
    tree = "sklearn.tree._tree.Tree"
    for name in ("one", "other"):
        done = subprocess.run(
            [sys.executable, "-c", FIT, str(tmp_path / name), tree],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{tree}\n"
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert formats.describe(tmp_path / "one", "estimator").types == (tree,)
    with pytest.raises(Refused, match=r"sklearn\.tree\._tree\.Tree"):
        formats.read(tmp_path / "one", "estimator")  # nobody said that this type may be made
    assert b"pickle" not in (tmp_path / "one").read_bytes()


def test_the_digest_of_the_rows_outlives_the_bytes(tmp_path: Path) -> None:
    from pyarrow import parquet

    said = formats.write(FRAME, tmp_path / "one", "parquet")
    table = parquet.read_table(tmp_path / "one")
    parquet.write_table(table, tmp_path / "other", compression="none", row_group_size=1)
    digests = {of_bytes((tmp_path / name).read_bytes()) for name in ("one", "other")}
    assert len(digests) == 2
    assert formats.describe(tmp_path / "other", "parquet").content == said.content is not None


def test_frames_that_come_one_by_one_are_one_table(tmp_path: Path) -> None:
    import pyarrow as pa

    whole = pd.DataFrame({"x": np.arange(20_000), "s": [str(at) for at in range(20_000)]})
    pieces = (whole.iloc[at : at + 777] for at in range(0, len(whole), 777))
    said = formats.write(pieces, tmp_path / "pieces", "parquet")
    at_once = formats.write(whole, tmp_path / "whole", "parquet")
    assert said == at_once == formats.describe(tmp_path / "pieces", "parquet")
    back: Any = formats.read(tmp_path / "pieces", "parquet")
    pd.testing.assert_frame_equal(back, whole)
    table = pa.Table.from_pandas(whole).replace_schema_metadata(None)
    reader = table.to_reader(max_chunksize=333)
    assert formats.write(reader, tmp_path / "reader", "parquet") == said
    # The file follows from the rows, however they were cut.
    assert (tmp_path / "reader").read_bytes() == (tmp_path / "pieces").read_bytes()
    formats.write(iter([whole, whole.iloc[:0]]), tmp_path / "csv", "csv")
    assert len(formats.read(tmp_path / "csv", "csv")) == 20_000  # type: ignore[arg-type]
    rows: Any = ({"n": at} for at in range(3))
    assert formats.write(rows, tmp_path / "lines", "jsonl").rows == 3
    assert formats.read(tmp_path / "lines", "jsonl") == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_frames_of_other_columns_are_no_one_table(tmp_path: Path) -> None:
    one, other = pd.DataFrame({"x": [1]}), pd.DataFrame({"x": ["a"]})
    with pytest.raises(Refused, match=r"table 2 has other columns than the first: 'x' is .*string"):
        formats.write(iter([one, other]), tmp_path / "x", "parquet")
    with pytest.raises(Refused, match="no table came"):
        formats.write(iter([]), tmp_path / "x", "parquet")


def test_a_frame_comes_back_with_its_index_and_odd_names(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.arange(6).reshape(3, 2), index=[5, 7, 9], columns=[0, 1])
    levels = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None])
    for value in (frame, pd.DataFrame({"v": [1.5, None, 2, 3]}, index=levels)):
        formats.write(value, tmp_path / "x", "parquet")
        pd.testing.assert_frame_equal(formats.read(tmp_path / "x", "parquet"), value)  # type: ignore[arg-type]


def test_a_csv_without_rows_still_has_its_columns(tmp_path: Path) -> None:
    said = formats.write(pd.DataFrame({"a": [], "b": []}), tmp_path / "x", "csv")
    assert (said.rows, said.columns) == (0, ("a", "b"))


def test_the_numbers_of_an_object_are_its_metrics(tmp_path: Path) -> None:
    said = formats.write({"auc": np.float64(0.5), "by": {"AA": 1}}, tmp_path / "x", "json")
    assert {name: one.value for name, one in said.metrics.items()} == {"auc": 0.5, "by.AA": 1.0}
    assert formats.describe(tmp_path / "x", "json") == said
