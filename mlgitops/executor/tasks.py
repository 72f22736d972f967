"""What a worker process is told, and what it answers: two JSON files in the job's directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from mlgitops.core.contracts import Contract, from_json
from mlgitops.core.digests import JSON
from mlgitops.core.measures import Measure
from mlgitops.formats import SUFFIXES, Description

TASK_FILE: Final = "task.json"
RESULT_FILE: Final = "result.json"
LIST: Final = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One input: a file that is read as ``format``, or handed over as a path (format ``path``).

    ``items``: the inputs of one that is a list (format ``list``).
    """

    path: str
    format: str
    types: tuple[str, ...] = ()
    items: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to do: a kind of step, a custom metric (``measure``), or to describe outputs that are
    there already.

    ``root``: the repository; ``folder``: the pipeline's; ``outputs``: name to format, stored in
    ``directory``. ``declared``: what of the repository may be read: files, or folders with a final
    ``/``, from its root. ``file``: the query or notebook, from the root. ``threads``: of a query.
    ``options``: of a source, as its spec has them; environment variables are only named in them.
    ``contracts``: output to what its rows must keep.
    """

    kind: Literal["call", "measure", "describe", "query", "notebook", "http", "sql"]
    root: str
    folder: str
    directory: str
    outputs: Mapping[str, str]
    function: str = ""
    file: str = ""
    threads: int = 1
    options: Mapping[str, JSON] = field(default_factory=dict)
    inputs: Mapping[str, Given]
    params: Mapping[str, JSON]
    as_of: str | None = None
    declared: tuple[str, ...] = ()
    contracts: Mapping[str, Contract] = field(default_factory=dict)

    def place(self, output: str) -> Path:
        """Return the file that an output is stored in."""
        return Path(self.directory, output + SUFFIXES[self.outputs[output]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The outputs are stored. What was used beyond the task: see ``watching.Seen``."""

    outputs: Mapping[str, Description]
    undeclared: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why not: one line, and the traceback through the user's own code (may be empty)."""

    summary: str
    traceback: str = ""


def write_task(task: Task, directory: Path) -> Path:
    """Write the task into the job's directory; return the file."""
    path = directory / TASK_FILE
    path.write_text(json.dumps(asdict(task)), encoding="utf-8")
    return path


def read_task(path: Path) -> Task:
    """Read what ``write_task`` wrote."""
    value = json.loads(path.read_text(encoding="utf-8"))
    value["inputs"] = {name: _given(one) for name, one in value["inputs"].items()}
    value["declared"] = tuple(value["declared"])
    value["contracts"] = {name: from_json(one) for name, one in value["contracts"].items()}
    return Task(**value)


def _given(value: Mapping[str, Any]) -> Given:
    return Given(
        path=value["path"],
        format=value["format"],
        types=tuple(value["types"]),
        items=tuple(_given(one) for one in value["items"]),
    )


def write_result(result: Done | Failed, directory: Path) -> None:
    """Write the answer beside the task, whole or not at all."""
    name = type(result).__name__.lower()
    staged = directory / f"{RESULT_FILE}.tmp"
    staged.write_text(json.dumps({name: asdict(result)}), encoding="utf-8")
    staged.replace(directory / RESULT_FILE)


def read_result(directory: Path) -> Done | Failed | None:
    """Read what ``write_result`` wrote; None when the worker died before it could."""
    try:
        value = json.loads((directory / RESULT_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if "failed" in value:
        return Failed(**value["failed"])
    outputs = {}
    for name, one in value["done"]["outputs"].items():
        columns = one["columns"]
        outputs[name] = Description(
            rows=one["rows"],
            columns=None if columns is None else tuple(columns),
            content=one["content"],
            types=tuple(one["types"]),
            metrics={metric: Measure(**number) for metric, number in one["metrics"].items()},
        )
    return Done(
        outputs=outputs,
        undeclared=tuple(value["done"]["undeclared"]),
        network=tuple(value["done"]["network"]),
        programs=tuple(value["done"]["programs"]),
    )
