"""The cell that gives a notebook its inputs and params: plain Python that anybody can run again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.executor.tasks import LIST, Given, Task

INJECTED: Final = "injected-parameters"

# By format: the module that reads it, and how.
_LOADS: Final[Mapping[str, tuple[str, str]]] = {
    "parquet": ("import pandas as pd", "pd.read_parquet({path})"),
    "csv": ("import pandas as pd", "pd.read_csv({path}, low_memory=False)"),
    "json": ("import json", "json.loads(Path({path}).read_text(encoding='utf-8'))"),
    "jsonl": (
        "import json",
        "[json.loads(line) for line in Path({path}).read_text(encoding='utf-8').split('\\n') "
        "if line.strip()]",
    ),
    "npy": ("import numpy as np", "np.load({path}, allow_pickle=False)"),
    "npz": ("import numpy as np", "dict(np.load({path}, allow_pickle=False))"),
    "text": ("", "Path({path}).read_text(encoding='utf-8')"),
    "bytes": ("", "Path({path}).read_bytes()"),
    "figure": ("", "Path({path}).read_bytes()"),
    "onnx": ("import onnx", "onnx.load({path})"),
    "estimator": ("import skops.io", "skops.io.load({path}, trusted={types})"),
}


def injected(task: Task) -> str:
    """Return the text of the cell; paths in it are relative to the notebook's own folder."""
    work = Path(task.directory).parent / "work"
    lines = [f"{name} = {_load(one, work)}" for name, one in task.inputs.items()]
    lines += [f"{name} = {_literal(value)}" for name, value in task.params.items()]
    imports = {_LOADS.get(one.format, ("", ""))[0] for one in _single(task)} - {""}
    if any("Path(" in line for line in lines):
        imports.add("from pathlib import Path")
    head = ["# The inputs and params of this step.", *sorted(imports, key=_order)]
    return "\n".join([*head, "", *lines] if imports and lines else [*head, *lines])


def _single(task: Task) -> Iterator[Given]:
    for one in task.inputs.values():
        yield from one.items if one.format == LIST else (one,)


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line


def _load(given: Given, work: Path) -> str:
    if given.format == LIST:
        return "[" + ", ".join(_load(one, work) for one in given.items) + "]"
    path = repr(Path(given.path).relative_to(work).as_posix())
    _, load = _LOADS.get(given.format, ("", "Path({path})"))
    return load.format(path=path, types=list(given.types))


def _literal(value: JSON) -> str:
    """Return a value of a spec as Python, long ones over several lines."""
    from pprint import pformat

    return pformat(value, width=96, sort_dicts=False)
