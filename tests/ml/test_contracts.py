"""Rows are held against a contract, and each broken promise is told with its first rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from mlgitops import formats
from mlgitops.core.contracts import Contract, from_json, meaning, of_spec
from mlgitops.core.errors import Refused
from mlgitops.core.sources import parse
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.contracts import Contract as Spec
from mlgitops.ml.contracts import Check

HEAD = "apiVersion: mlgitops/v1\nkind: Contract\nname: rows\n"


def contract(text: str) -> Contract:
    document = parse((HEAD + text).encode(), "rows.yaml")[0]
    return of_spec(Located(spec=Spec.model_validate(document.value), document=document))


def broken(text: str, table: dict[str, Any] | pa.Table, *, cut: int = 2) -> list[str]:
    check = Check(contract(text))
    whole = table if isinstance(table, pa.Table) else pa.table(table)
    check.columns(whole.column_names)
    for start in range(0, whole.num_rows, cut):
        check.add(whole.slice(start, cut))
    return [
        f"{one.line}: {one.what}" + "".join(f" | {row} {text}" for row, text in one.examples)
        for one in check.breaches()
    ]


def test_rows_that_keep_every_promise_break_nothing() -> None:
    text = """columns:
  id: {type: integer, unique: true, min: 1}
  when: {type: timestamp, max: 2026-01-02}
  day: {type: date, min: 2026-01-01}
  kind: {type: string, categories: [a, b], nullable: true}
  gap: {type: integer, nullable: true}
  share: {type: number, min: 0, max: 0.1}
  note: {type: string, required: false}
strict: true
rows: {min: 3, max: 3}
"""
    moment = dt.datetime(2026, 1, 2, 23, 59, tzinfo=dt.UTC)
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.uint8()),
            "when": [moment] * 3,
            "day": [dt.datetime(2026, 1, 1)] * 3,
            "kind": pa.array(["a", None, "b"]).dictionary_encode(),
            "gap": [1.0, float("nan"), None],
            "share": pa.array([0.1, 0.0, 0.05], pa.float32()),
            "__index_level_0__": [5, 6, 7],
        }
    )
    assert broken(text, table) == []


@pytest.mark.parametrize(
    ("promise", "values", "said"),
    [
        ("integer", [1.0, 2.5, None, 3.5], ["6: x: 2 of 4 rows have a value that is not a whole "
         "number | 2 2.5 | 4 3.5", "6: x: 1 of 4 rows has no value | 3 "]),
        ("integer", ["1", "2"], ["6: x: its type is string, and not integer"]),
        ("string", [1, 2], ["6: x: its type is int64, and not string"]),
        ("boolean", [1, 0], ["6: x: its type is int64, and not boolean"]),
        ("{type: integer, min: 0, max: 2}", [-1, 5, 1, 3, 4, 6],
         ["6: x: 1 of 6 rows has values below 0 | 1 -1",
          "6: x: 4 of 6 rows have values above 2 | 2 5 | 4 3 | 5 4"]),
        ("{type: integer, max: 1000}", pa.array([1, 2], pa.int8()), []),
        ("{type: integer, min: 1000}", pa.array([1, 2], pa.int8()),
         ["6: x: 2 of 2 rows have values below 1000 | 1 1 | 2 2"]),
        ("{type: string, unique: true}", ["a", "b", "a", "c", "a", "b"],
         ["6: x: 3 of 6 rows have values that came before | 3 'a' | 5 'a' | 6 'b'"]),
        ("{type: string, categories: [a]}", ["a", "b"],
         ["6: x: 1 of 2 rows has values that are none of the categories | 2 'b'"]),
        ("{type: date, max: 2026-01-01}", [dt.date(2026, 1, 1), dt.date(2026, 1, 2)],
         ["6: x: 1 of 2 rows has values above 2026-01-01 | 2 2026-01-02"]),
        ("date", [dt.datetime(2026, 1, 1, 5)],
         ["6: x: 1 of 1 rows has a value that is not a date | 1 2026-01-01 05:00:00"]),
        ("{type: timestamp, min: '2026-01-01T12:00Z'}", [dt.datetime(2026, 1, 1, 5)],
         ["6: x: 1 of 1 rows has values below 2026-01-01T12:00Z | 1 2026-01-01 05:00:00"]),
    ],
)  # fmt: skip
def test_a_broken_promise_is_told_with_its_line_and_first_rows(
    promise: str, values: Any, said: list[str]
) -> None:
    assert broken(f"description: x\ncolumns:\n  x: {promise}\n", {"x": values}) == said


def test_columns_and_the_number_of_rows_are_promises_too() -> None:
    columns = "columns:\n  a: integer\n  b: {type: string, nullable: true}\n"
    text = columns + "strict: true\nrows: {min: 3}\n"
    assert broken(text, {"b": [None, None], "c": [1, 2]}) == [
        "8: there are 2 rows, fewer than 3",
        "5: a: there is no such column; there are b, c",
        "7: c: the contract is strict, and names no such column",
    ]


ROWS = """columns:
  day: date
  n: {type: integer, unique: true}
  ok: {type: boolean, nullable: true}
"""


def test_rows_of_text_are_read_as_what_is_promised(tmp_path: Path) -> None:
    good = pd.DataFrame({"day": ["2026-01-01"] * 2, "n": [1, 2], "ok": [True, None]})
    formats.write(good, tmp_path / "x.csv", "csv", contract(ROWS))
    (tmp_path / "y.csv").write_text("day,n,ok\n2026-01-01,1,yes\n01.02.2026,1.5,\n,1,true\n")
    with pytest.raises(Refused) as caught:
        formats.describe(tmp_path / "y.csv", "csv", contract(ROWS))
    assert caught.value.message.splitlines() == [
        "the rows break the contract rows.yaml:",
        "  rows.yaml:5: day: 1 of 3 rows has a value that is not a date: row 2 ('01.02.2026')",
        "  rows.yaml:5: day: 1 of 3 rows has no value: row 3",
        "  rows.yaml:6: n: 1 of 3 rows has a value that is not a whole number: row 2 ('1.5')",
        "  rows.yaml:6: n: 1 of 3 rows has values that came before: row 3 (1)",
        "  rows.yaml:7: ok: 1 of 3 rows has a value that is not true or false: row 1 ('yes')",
        "  (rows are counted from 1)",
    ]


def test_lines_of_json_have_types_of_their_own(tmp_path: Path) -> None:
    rows = [{"day": "2026-01-01", "n": "1"}, {"n": 2.0, "day": "2026-01-01"}, {"n": 2, "ok": 1}]
    with pytest.raises(Refused) as caught:
        formats.write(rows, tmp_path / "x", "jsonl", contract(ROWS))
    assert caught.value.message.splitlines()[1:-1] == [
        "  rows.yaml:5: day: 1 of 3 rows has no value: row 3",
        "  rows.yaml:6: n: 1 of 3 rows has a value that is not a whole number: row 1 ('1')",
        "  rows.yaml:6: n: 1 of 3 rows has values that came before: row 3 (2)",
        "  rows.yaml:7: ok: 1 of 3 rows has a value that is not true or false: row 3 (1)",
    ]
    with pytest.raises(Refused, match="row 2 is no object"):
        formats.write([{}, 3], tmp_path / "x", "jsonl", contract(ROWS))


def test_a_contract_means_the_same_wherever_it_is_written() -> None:
    import dataclasses
    import json

    one = contract("columns:\n  a: integer\n")
    other = contract("# said\ncolumns:\n  a: {type: integer, description: b}\n")
    assert one != other
    assert meaning(one) == meaning(other)
    assert meaning(one) != meaning(contract("columns:\n  a: number\n"))
    assert from_json(json.loads(json.dumps(dataclasses.asdict(other)))) == other
