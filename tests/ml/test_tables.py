"""A table's digest follows its content, and nothing else."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

from mlgitops.core.errors import MlgitopsError
from mlgitops.ml.tables import ContentDigest, content_digest

_INSTANTS = st.datetimes(min_value=dt.datetime(1900, 1, 1), max_value=dt.datetime(2200, 1, 1))
_KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "bool": (pa.bool_(), st.booleans()),
    "int16": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "float32": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "float64": (pa.float64(), st.floats(allow_nan=False)),
    "string": (pa.string(), st.text(max_size=4)),
    "binary": (pa.binary(), st.binary(max_size=3)),
    "time": (pa.timestamp("us"), _INSTANTS),
    "date": (pa.date32(), st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))),
    "list": (pa.list_(pa.string()), st.lists(st.none() | st.text(max_size=2), max_size=3)),
    "struct": (
        pa.struct([("a", pa.int8()), ("b", pa.string())]),
        st.fixed_dictionaries({"a": st.none() | st.integers(-9, 9), "b": st.text(max_size=2)}),
    ),
}


@st.composite
def _columns(draw: st.DrawFn, rows: st.SearchStrategy[int] = st.integers(0, 8)) -> Any:  # noqa: B008
    name = draw(st.sampled_from(sorted(_KINDS)))
    kind, values = _KINDS[name]
    count = draw(rows)
    return kind, draw(st.lists(st.none() | values, min_size=count, max_size=count))


def _table(kind: pa.DataType, values: list[Any], name: str = "x") -> pa.Table:
    return pa.table({name: pa.array(values, kind)})


def _relaid(table: pa.Table, cut: int) -> pa.Table:
    """The same rows in another layout: cut, offset, with other bytes under the nulls."""
    padded = pa.concat_tables([table.slice(0, 1), table, table.slice(0, 1)]).combine_chunks()
    inner = padded.slice(min(1, table.num_rows), table.num_rows)
    return pa.concat_tables([inner.slice(0, cut), inner.slice(cut)])


@settings(max_examples=300, deadline=None)
@given(column=_columns(), cut=st.integers(0, 8))
def test_cutting_and_padding_a_column_keeps_its_digest(column: Any, cut: int) -> None:
    table = _table(*column)
    assert content_digest(_relaid(table, min(cut, table.num_rows))) == content_digest(table)


@settings(max_examples=100, deadline=None)
@given(column=_columns(), cut=st.integers(1, 4))
def test_rows_that_come_in_pieces_have_the_digest_of_the_whole(column: Any, cut: int) -> None:
    table = _table(*column)
    pieces = ContentDigest(table.schema)
    for start in range(0, table.num_rows, cut):
        pieces.add(table.slice(start, cut))
    assert pieces.digest() == content_digest(table)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), first=_columns(rows=st.just(3)))
def test_another_value_or_null_anywhere_changes_the_digest(data: st.DataObject, first: Any) -> None:
    kind, values = first
    strategy = next(s for k, s in _KINDS.values() if k == kind)
    row = data.draw(st.integers(0, 2))
    other = [*values[:row], data.draw(st.none() | strategy), *values[row + 1 :]]
    # Compared as text: 0.0 and -0.0 are equal to Python and divide differently.
    same = repr(pa.array(values, kind).to_pylist()) == repr(pa.array(other, kind).to_pylist())
    assert (content_digest(_table(kind, values)) == content_digest(_table(kind, other))) is same


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.none() | st.text(max_size=3), max_size=9))
def test_how_strings_are_stored_does_not_count(values: list[str | None]) -> None:
    plain = _table(pa.string(), values)
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        assert content_digest(_table(kind, values)) == content_digest(plain)
    ends = pa.table({"x": pa.compute.run_end_encode(pa.array(values, pa.string()))})
    assert content_digest(ends) == content_digest(plain)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_a_trip_through_parquet_keeps_the_digest(compression: str) -> None:
    table = pa.Table.from_pandas(load_breast_cancer(as_frame=True).frame)
    file = io.BytesIO()
    pq.write_table(table, file, compression=compression, row_group_size=100, version="2.6")
    assert content_digest(pq.read_table(file)) == content_digest(table)


def test_the_unit_of_a_time_is_layout_and_its_zone_is_content() -> None:
    instant = [dt.datetime(2013, 1, 31, 23, 59, 59), None, dt.datetime(1899, 1, 1)]
    seconds = content_digest(_table(pa.timestamp("s"), instant))
    for unit in ("ms", "us", "ns"):
        assert content_digest(_table(pa.timestamp(unit), instant)) == seconds
    assert content_digest(_table(pa.timestamp("s", tz="UTC"), instant)) != seconds
    assert content_digest(_table(pa.date64(), [dt.date(1960, 5, 4)])) == content_digest(
        _table(pa.date32(), [dt.date(1960, 5, 4)])
    )


def test_the_width_of_a_number_is_content_because_models_train_on_it() -> None:
    missing = np.array([False, False, True])
    digests = {
        content_digest(pa.table({"x": pa.array(np.array([1, 2, 0], dtype=width), mask=missing)}))
        for width in ("float16", "float32", "float64", "int32", "int64")
    } | {content_digest(_table(pa.string(), ["1", "2", None]))}
    assert len(digests) == 6


def test_a_decimal_is_not_the_string_that_spells_it() -> None:
    number = _table(pa.decimal128(5, 2), [decimal.Decimal("1.20")])
    assert content_digest(number) != content_digest(_table(pa.string(), ["1.20"]))


def test_nan_is_one_value_and_not_a_null() -> None:
    quiet = np.array([0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000], dtype="<u8")
    digests = {content_digest(pa.table({"x": pa.array([v.view("<f8")])})) for v in quiet}
    assert len(digests) == 1
    assert content_digest(pa.table({"x": pa.array([None], pa.float64())})) not in digests


def test_names_and_the_order_of_rows_and_columns_count() -> None:
    table = pa.table({"a": [1, 2], "b": [3, 4]})
    others = [
        table.select(["b", "a"]),
        table.rename_columns(["a", "c"]),
        table.take([1, 0]),
        table.slice(0, 1),
        table.slice(0, 0),
        table.slice(0, 0).select(["a"]),
    ]
    assert len({content_digest(one) for one in [table, *others]}) == 7
    assert content_digest(table.replace_schema_metadata({"pandas": "x"})) == content_digest(table)


def test_strings_cannot_be_moved_between_rows_unnoticed() -> None:
    assert content_digest(_table(pa.string(), ["ab", "c"])) != content_digest(
        _table(pa.string(), ["a", "bc"])
    )
    assert content_digest(_table(pa.string(), ["", None])) != content_digest(
        _table(pa.string(), [None, ""])
    )


def test_a_digest_that_was_recorded_stays_what_it_was() -> None:
    table = pa.table(
        {
            "carrier": ["UA", None, "é"],
            "delay": pa.array([1.5, None, float("nan")], pa.float32()),
            "at": pa.array([dt.datetime(2013, 1, 1, 5)] * 3, pa.timestamp("ns")),
        }
    )
    assert content_digest(table) == (
        "sha256:36c9fc0880d49f39c6952e0dfd6f77fd0a9fb18aa0d5aba9cafdacc688391854"
    )


def test_a_type_without_a_digest_is_refused_by_name() -> None:
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
    with pytest.raises(MlgitopsError, match="column 'u' is of type"):
        content_digest(pa.table({"u": union}))
