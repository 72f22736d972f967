"""Steps of the kind sql: one query over the inputs, in a worker."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlgitops.executor.tasks import Done, Failed, Given, Task, read_result, write_task
from tests.support import write

pytest.importorskip("duckdb")


class Bench:
    """A repository folder, a job's directory, and `ask` to answer one query in a worker."""

    def __init__(self, folder: Path) -> None:
        self.root, self.directory = folder / "repo", folder / "job"
        for name in ("outputs", "tmp"):
            (self.directory / name).mkdir(parents=True)
        flights = "carrier,delay\nAA,5\nUA,-3\nAA,20\nDL,\n"
        write(folder, {"stored/flights": flights, "secret.csv": "x\n1\n"})
        self.flights = Given(path=str(folder / "stored/flights"), format="csv")

    def ask(self, text: str, format: str = "json", **more: object) -> Done | Failed:
        write(self.root, {"pipelines/p/q.sql": text})
        fields: dict[str, object] = {"inputs": {"flights": self.flights}, "params": {}, **more}
        task = Task(
            kind="query",
            root=str(self.root),
            folder=str(self.root / "pipelines/p"),
            directory=str(self.directory / "outputs"),
            outputs={"rows": format},
            file="pipelines/p/q.sql",
            **fields,  # type: ignore[arg-type]
        )
        argv = [sys.executable, "-P", "-m", "mlgitops.executor.worker"]
        done = subprocess.run(
            [*argv, str(write_task(task, self.directory))],
            cwd=self.directory,
            capture_output=True,
            text=True,
        )
        result = read_result(self.directory)
        assert result is not None, done.stderr
        return result

    def rows(self, text: str, **more: Any) -> object:
        result = self.ask(text, **more)
        assert isinstance(result, Done), result
        return json.loads((self.directory / "outputs/rows.json").read_text())

    def fails(self, text: str, **more: Any) -> Failed:
        result = self.ask(text, **more)
        assert isinstance(result, Failed), result
        return result


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


TOTAL = "SELECT carrier, sum(delay) AS late FROM flights GROUP BY ALL ORDER BY carrier"


def test_an_input_is_a_table_and_a_param_is_a_value(bench: Bench) -> None:
    assert bench.rows(TOTAL) == [
        {"carrier": "AA", "late": 25},
        {"carrier": "DL", "late": None},
        {"carrier": "UA", "late": -3},
    ]
    late = "SELECT carrier FROM flights WHERE delay > $least AND list_contains($only, carrier);"
    params = {"least": 5, "only": ["AA", "UA"], "unused": 1}
    assert bench.rows(late, params=params) == [{"carrier": "AA"}]


@pytest.mark.parametrize("format", ["parquet", "csv", "json", "jsonl"])
def test_the_rows_are_stored_as_declared_and_can_be_read_again(bench: Bench, format: str) -> None:
    done = bench.ask(TOTAL, format)
    assert isinstance(done, Done), done
    described = done.outputs["rows"]
    assert described.rows == 3
    if format in ("parquet", "csv"):
        assert described.columns == ("carrier", "late")
    assert (described.content is not None) == (format == "parquet")
    suffix = {"parquet": "parquet", "csv": "csv", "json": "json", "jsonl": "jsonl"}[format]
    stored = bench.directory / f"outputs/rows.{suffix}"
    before = stored.read_bytes()
    assert bench.ask(TOTAL, format) == done
    assert stored.read_bytes() == before

    (bench.directory / "again").write_bytes(before)
    again = {"rows": Given(path=str(bench.directory / "again"), format=format)}
    assert bench.rows("SELECT max(late) AS most FROM rows", inputs=again) == [{"most": 25}]


def test_a_sum_of_whole_numbers_is_a_number_to_pandas(bench: Bench) -> None:
    import pandas as pd

    assert isinstance(bench.ask(TOTAL, "parquet"), Done)
    frame = pd.read_parquet(bench.directory / "outputs/rows.parquet")
    assert frame["late"].dropna().tolist() == [25, -3]
    assert frame["late"].dtype.kind in "if"


def test_a_query_reads_its_inputs_and_nothing_else(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "secret.csv"
    for text in (
        f"SELECT * FROM '{other}'",
        f"SELECT * FROM flights, read_csv('{other}')",
        f"SELECT content FROM read_text('{other}')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'https://127.0.0.1/x.parquet'",
    ):
        assert "a query reads its step's inputs alone" in bench.fails(text).summary
    for text in (
        f"COPY flights TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT 1; SELECT 2",
        "",
    ):
        assert "a step is one query" in bench.fails(text).summary
    assert not (tmp_path / "out.csv").exists()
    # A variable of the worker is no table either.
    assert "no input 'task'" in bench.fails("SELECT * FROM task").summary


def test_an_error_names_line_and_column_and_the_name_that_was_meant(bench: Bench) -> None:
    failed = bench.fails("SELECT carrier\nFROM flihgts\n")
    assert failed.summary == (
        "pipelines/p/q.sql:2:6: there is no input 'flihgts'; did you mean 'flights'?"
    )
    assert failed.traceback == "FROM flihgts\n     ^"
    failed = bench.fails("-- late ones\nSELECT carrier,\n  dellay FROM flights")
    assert failed.summary.startswith("pipelines/p/q.sql:3:3: Binder Error: ")
    assert '"delay"' in failed.summary
    assert bench.fails("SELEC 1").summary.startswith("pipelines/p/q.sql:1:1: Parser Error")
    long = "SELECT " + "1 + " * 80 + "oops FROM flights"
    assert bench.fails(long).summary.startswith(f"pipelines/p/q.sql:1:{long.index('oops') + 1}: ")
    late = bench.fails("SELECT CAST(carrier AS INTEGER) AS x FROM flights")
    assert 'string "AA" to' in late.summary
    params = {"least": 1}
    failed = bench.fails("SELECT *\nFROM flights WHERE delay > $leest", params=params)
    assert failed.summary == (
        "pipelines/p/q.sql:2:28: $leest is no param of the step; did you mean 'least'?"
    )


def test_what_no_table_holds_is_refused_in_words(bench: Bench, tmp_path: Path) -> None:
    model = {"model": Given(path=str(tmp_path / "m"), format="estimator")}
    assert "stored as estimator" in bench.fails("SELECT 1 AS x", inputs=model).summary
    assert "two columns 'a'" in bench.fails("SELECT 1 AS a, 2 AS a").summary
    assert "a CSV file has no place" in bench.fails("SELECT [1, 2] AS a", format="csv").summary
    nan = bench.fails("SELECT 'nan'::DOUBLE AS a", format="jsonl")
    assert "row 1 holds a number that JSON has not" in nan.summary


def test_a_file_of_the_repository_is_a_table_by_its_suffix(bench: Bench, tmp_path: Path) -> None:
    import gzip

    write(tmp_path, {"names.csv": "carrier,name\nAA,American\n"})
    (tmp_path / "zipped.csv").write_bytes(gzip.compress(b"n\n1\n2\n"))
    names = {
        "names": Given(path=str(tmp_path / "names.csv"), format="path"),
        "zipped": Given(path=str(tmp_path / "zipped.csv"), format="path"),
    }
    both = "SELECT name, (SELECT sum(n) FROM zipped) AS n FROM names"
    assert bench.rows(both, inputs=names) == [{"name": "American", "n": 3}]


def test_rows_are_streamed_and_not_held(bench: Bench) -> None:
    text = "SELECT i, i * 2.5 AS x, 'row ' || i AS name FROM range(1000000) r(i)"
    for format in ("csv", "parquet"):
        done = bench.ask(text, format)
        assert isinstance(done, Done), done
        assert done.outputs["rows"].rows == 1_000_000
