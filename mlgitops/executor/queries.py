"""A step of the kind ``sql``: one query over the inputs, answered by DuckDB inside of the worker.

Each input is a view of its name over the file that it is stored in; ``$name`` in the query is a
param. The query reads nothing else: no other file, no network, no extension, and it writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from mlgitops.core.errors import Refused
from mlgitops.core.findings import did_you_mean
from mlgitops.executor.rows import PIECE, write_rows
from mlgitops.executor.tasks import LIST, Done, Failed, Given, Task

_READERS: Final = {
    "parquet": "read_parquet({file}, union_by_name=true)",
    # All rows decide the types: a sample would let a late value end the query.
    "csv": "read_csv({file}, header=true, union_by_name=true, sample_size=-1,"
    " compression={compression})",
    "jsonl": "read_json({file}, format='newline_delimited', union_by_name=true, sample_size=-1)",
    "json": "read_json({file}, union_by_name=true, sample_size=-1)",
}
_SUFFIXES: Final = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".json": "json"}
_PLACE: Final = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
# DuckDB counts its places from the first line with a word in it, or from the first line of all.
_LEAD: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_NO_TABLE: Final = re.compile(r'Table with name "?([^"\s]+)"? does not exist')


class _Wrong(Exception):
    """The query cannot be answered; ``failed`` says why, and where in its file."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.summary)
        self.failed = failed


def query(task: Task) -> Done | Failed:
    """Answer the query in ``task.file`` and store its rows as the one output."""
    text = Path(task.root, task.file).read_bytes().decode()
    name, format = next(iter(task.outputs.items()))
    try:
        with _connect(task) as connection:
            rows = _answer(connection, task, text)
            try:
                # Most of the work is done here, while the rows are taken.
                described = write_rows(rows.to_arrow_reader(PIECE), task.place(name), format)
            except _errors() as error:
                return _failed(task, text, error)
    except _Wrong as wrong:
        return wrong.failed
    return Done(outputs={name: described})


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise Refused(
            "a step with `sql` needs DuckDB, which is not installed",
            hint="pip install 'mlgitops[sql]'",
        ) from None
    return duckdb


def _errors() -> type[Exception]:
    error: type[Exception] = _duckdb().Error
    return error


def _connect(task: Task) -> Any:
    """Return a database that holds the inputs as views and can reach nothing else."""
    settings: dict[str, Any] = {
        # With more threads the order of rows that the query leaves open, and the last digit of a
        # sum, are others from run to run.
        "threads": task.threads,
        "preserve_insertion_order": True,
        "temp_directory": str(Path(task.directory).parent / "home"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = _duckdb().connect(":memory:", config=settings)
    for name, given in task.inputs.items():
        try:
            connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM {_reader(name, given)}')
        except _errors() as error:
            raise Refused(f"input {name!r} cannot be read: {_first(error)}") from error
    files = ", ".join(_quoted(one.path) for given in task.inputs.values() for one in _files(given))
    connection.execute(f"SET allowed_paths = [{files}]")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _reader(name: str, given: Given) -> str:
    files = _files(given)
    kinds = {_kind(one) for one in files}
    kind = kinds.pop() if len(kinds) == 1 else ""
    if kind not in _READERS or any(Path(one.path).is_dir() for one in files):
        what = (
            f"the file {Path(given.path).name!r}"
            if given.format == "path"
            else f"stored as {' and '.join(sorted({one.format for one in files}))}"
        )
        raise Refused(
            f"a query cannot read the input {name!r}: it is {what}",
            hint="a table is parquet, csv, jsonl or json",
        )
    with Path(files[0].path).open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    compression = "'gzip'" if zipped else "'none'"
    paths = ", ".join(_quoted(one.path) for one in files)
    return _READERS[kind].format(file=f"[{paths}]", compression=compression)


def _files(given: Given) -> tuple[Given, ...]:
    """Return the file of an input, or the files of one that is a list."""
    return given.items if given.format == LIST else (given,)


def _kind(given: Given) -> str:
    return _SUFFIXES.get(Path(given.path).suffix, "") if given.format == "path" else given.format


def _answer(connection: Any, task: Task, text: str) -> Any:
    """Return the relation that the query describes; nearly nothing is computed yet."""
    duckdb = _duckdb()
    asked = text[_start(text) :]
    try:
        statements = connection.extract_statements(asked)
    except duckdb.Error as error:
        raise _Wrong(_failed(task, text, error)) from error
    if len(statements) != 1 or statements[0].type.name not in ("SELECT", "MULTI"):
        what = f"it holds {len(statements)}" if len(statements) != 1 else "it is another statement"
        raise _Wrong(
            Failed(
                summary=f"{task.file}: a step is one query, a SELECT with what belongs to it;"
                f" {what} (WITH names the parts of a longer one)"
            )
        )
    wanted = sorted(statements[0].named_parameters)
    values = {name: task.params[name] for name in wanted if name in task.params}
    for name in wanted:
        if name not in task.params:
            raise _Wrong(_no_param(task, text, name))
    try:
        relation = connection.sql(asked, params=values or None)
        return _whole_numbers(relation)
    except duckdb.Error as error:
        raise _Wrong(_failed(task, text, _placed(connection, asked, values, error))) from error


def _whole_numbers(relation: Any) -> Any:
    """Return the relation with sums of whole numbers in 64 bits: with 128 pandas has no number."""
    wide = [
        name
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if str(kind) in ("HUGEINT", "UHUGEINT")
    ]
    if not wide:
        return relation
    casts = ", ".join(f"CAST({_name(name)} AS BIGINT) AS {_name(name)}" for name in wide)
    return relation.project(f"* REPLACE ({casts})")


def _placed(connection: Any, text: str, values: dict[str, Any], error: Exception) -> Exception:
    """Return the error with the line that it is about, which only this way of asking says."""
    try:
        connection.execute(text, values or None)
    except _errors() as placed:
        return placed
    return error


def _failed(task: Task, text: str, error: Exception) -> Failed:
    """Return the error as one of the file, with the line in question."""
    message, place, shown = _first(error), task.file, ""
    offset = _offset(text, str(error))
    if offset is not None:
        before = text[:offset]
        line, column = before.count("\n") + 1, offset - before.rfind("\n") - 1
        place = f"{task.file}:{line}:{column + 1}"
        shown = f"{text.splitlines()[line - 1]}\n{' ' * column}^"
    missing = _NO_TABLE.search(message)
    if missing:
        message = f"there is no input {missing[1]!r}; {_choice(missing[1], task.inputs)}"
    elif "disabled by configuration" in message:
        message = f"{message}; a query reads its step's inputs alone"
    return Failed(summary=f"{place}: {message}", traceback=shown)


def _offset(text: str, message: str) -> int | None:
    """Return the place in the query that DuckDB's message points to, None for none."""
    found, start = _PLACE.search(message), _start(text)
    lines = text[start:].split("\n")
    if not found or int(found[1]) > len(lines):
        # Some messages only name what they mean: that is a place where it stands but once.
        named = re.findall(r'"(\w+)"', message.partition("\n")[0])
        places = [[one.start() for one in re.finditer(rf"\b{name}\b", text)] for name in named]
        return next((one[0] for one in reversed(places) if len(one) == 1), None)
    number, excerpt = int(found[1]), found[2]
    column = len(found[3]) - len(f"LINE {number}: ")
    if excerpt.startswith("..."):
        # A long line is shown in part, between dots.
        column += lines[number - 1].find(excerpt[3:].removesuffix("...")) - 3
    offset = start + sum(len(line) + 1 for line in lines[: number - 1]) + max(column, 0)
    # It may point to the blank before what it means.
    while offset < len(text) - 1 and text[offset].isspace():
        offset += 1
    return offset if offset < len(text) else None


def _start(text: str) -> int:
    """Return where the query begins, after blanks and comments."""
    found = _LEAD.match(text)
    return found.end() if found else 0


def _no_param(task: Task, text: str, name: str) -> Failed:
    before = text[: max(text.find(f"${name}"), 0)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Failed(
        summary=f"{task.file}:{line}:{column}: ${name} is no param of the step;"
        f" {_choice(name, task.params)}"
    )


def _choice(word: str, known: Collection[str]) -> str:
    return did_you_mean(word, known) or f"there are: {', '.join(known) or 'none'}"


def _first(error: Exception) -> str:
    """Return the first lines of DuckDB's message as one; what follows is about its settings."""
    lines = str(error).strip().partition("\n\n")[0].splitlines()[:3]
    return "; ".join(" ".join(line.split()) for line in lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
