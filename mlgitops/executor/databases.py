"""A source of the type ``sql``: the rows of a query in a database, each kind by a function here."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from mlgitops.core.digests import JSON, canonical
from mlgitops.core.errors import Refused
from mlgitops.core.findings import did_you_mean
from mlgitops.executor.rows import PIECE, write_rows
from mlgitops.executor.tasks import Done, Task
from mlgitops.executor.variables import expanded

Rows: TypeAlias = Iterator[Sequence[object]]
# A query, its values by name, and the place of the database, to the columns and the rows.
Reader: TypeAlias = Callable[[str, Mapping[str, object], str, Task], tuple[list[str], Rows]]


def select(task: Task) -> Done:
    """Ask the database of ``task.options['connection']`` the query in ``task.file``.

    ``:as_of`` in the query is the moment, in UTC, as ``2024-06-30 12:00:00``; ``:name`` is a param.
    """
    url = expanded(str(task.options["connection"]))
    scheme, found, place = url.partition("://")
    # After a plus stands how it is spoken to: postgresql+psycopg.
    kind = scheme.partition("+")[0]
    reader = _READERS.get(kind)
    if reader is None or not found:
        what = f"no database of the kind {kind!r}" if found else "nothing of that form"
        raise Refused(
            f"{task.options['connection']}: this version reads {what}, but {', '.join(_READERS)}",
            hint="write it as sqlite:///path, or ask another one in a function: source:"
            " {type: python, run: 'module:function'}",
        )
    text = Path(task.root, task.file).read_bytes().decode()
    values = {name: _value(one) for name, one in task.params.items()}
    values["as_of"] = _moment(task.as_of or "")
    columns, rows = reader(text, values, place, task)
    name, format = next(iter(task.outputs.items()))
    table = _table(columns, rows, task)
    described = write_rows(table.to_reader(PIECE), task.place(name), format)
    return Done(outputs={name: described})


def _moment(text: str) -> str:
    """Return a moment as SQLite's own functions write it."""
    moment = datetime.fromisoformat(text)
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    return utc.strftime("%Y-%m-%d %H:%M:%S")


def _value(value: JSON) -> object:
    return value if isinstance(value, str | int | float | None) else canonical(value).decode()


def _table(columns: list[str], rows: Rows, task: Task) -> Any:
    """Return the rows as an Arrow table; a column of mixed types is Refused."""
    import pyarrow as pa

    pieces: list[Any] = []
    while True:
        piece = [row for row, _ in zip(rows, range(PIECE), strict=False)]
        arrays = []
        for place, name in enumerate(columns):
            try:
                arrays.append(pa.array([row[place] for row in piece]))
            except (pa.ArrowException, TypeError, OverflowError) as error:
                raise _mixed(name, task) from error
        pieces.append(pa.Table.from_arrays(arrays, names=columns))
        if len(piece) < PIECE:
            break
    try:
        return pa.concat_tables(pieces, promote_options="permissive")
    except pa.ArrowException as error:
        raise _mixed(", ".join(columns), task) from error


def _mixed(name: str, task: Task) -> Refused:
    return Refused(
        f"{task.file}: column {name!r} holds values of several types",
        hint="give it one in the query: CAST(… AS TEXT), or AS REAL",
    )


# -- SQLite -----------------------------------------------------------------------------------


def _sqlite(
    text: str, values: Mapping[str, object], place: str, task: Task
) -> tuple[list[str], Rows]:
    # sqlite:///path is relative, sqlite:////path absolute.
    path = Path(task.folder, place.removeprefix("/"))
    if not path.is_file():
        raise Refused(
            f"there is no database {place.removeprefix('/')!r}",
            hint=f"it is looked for at {path}; an absolute path has four slashes: sqlite:////path",
        )
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    try:
        cursor = connection.execute(text, dict(values))
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _failed(connection, values, task, error) from error
    if cursor.description is None:
        raise Refused(f"{task.file} gives no rows", hint="a source is one SELECT")
    return [one[0] for one in cursor.description], _taken(cursor, task)


def _taken(cursor: sqlite3.Cursor, task: Task) -> Rows:
    try:
        yield from cursor
    except sqlite3.Error as error:
        raise Refused(f"{task.file}: {error}") from error


def _failed(
    connection: sqlite3.Connection, values: Mapping[str, object], task: Task, error: Exception
) -> Refused:
    words = " ".join(str(error).split())
    table = re.search(r"no such table: (\S+)", words)
    value = re.search(r"binding (?:parameter )?:?(\w+)", words)
    hint = None
    if table:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        known = [str(row[0]) for row in found]
        hint = did_you_mean(table[1], known) or f"there are: {', '.join(known) or 'none'}"
    elif value:
        words = f":{value[1]} is no param of the step"
        hint = did_you_mean(value[1], values) or f"there are: {', '.join(values)}"
    elif "one statement" in words:
        hint = "a source is one SELECT"
    return Refused(f"{task.file}: {words}", hint=hint)


_READERS: Final[Mapping[str, Reader]] = {"sqlite": _sqlite}
