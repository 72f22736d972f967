"""A step of the kind ``notebook``: its cells in a kernel of their own, headless.

A cell of plain Python is put in that loads the inputs and sets the params, as papermill does: after
the cell tagged ``parameters``, else first. The outputs are the variables of their names when the
last cell is done. The executed notebook and its HTML are kept; what differs from run to run without
meaning anything is taken out of both: times, addresses in memory, folders of this machine.
"""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mlgitops.core.errors import Refused
from mlgitops.executor.injecting import INJECTED, injected
from mlgitops.executor.tasks import Done, Failed, Task, read_result, write_task

HTML: Final = "html"
EXECUTED: Final = "notebook"

_ADDRESS: Final = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_SKIPPED: Final = "skip-execution"
# Of a cell: what other tools noted about a run of theirs.
_OF_A_RUN: Final = ("execution", "papermill", "ExecuteTime", "collapsed")


def run_notebook(task: Task) -> Done | Failed:
    """Execute ``task.file`` and store its outputs, the executed notebook and its HTML."""
    notebook = _read(task)
    numbers = _inject(notebook, task)
    folder = Path(task.directory).parent
    inner = folder / "kernel"
    inner.mkdir()
    kept = {name: task.outputs[name] for name in task.outputs if name not in (EXECUTED, HTML)}
    # The kernel's process is told what it needs by the same kind of file as this one was.
    order: list[Any] = list(numbers)
    told = replace(task, outputs=kept, options={"cells": order})
    error = _execute(notebook, write_task(told, inner))
    answer = read_result(inner)
    if error is not None or not isinstance(answer, Done):
        if isinstance(answer, Failed):
            return answer
        return Failed(summary=error or "the kernel gave no answer")
    _normalise(notebook, (f"{folder}/", f"{task.root}/"))
    return replace(answer, outputs={**answer.outputs, **_store(notebook, task)})


def _read(task: Task) -> Any:
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
        import nbconvert  # noqa: F401
        import nbformat
    except ImportError as error:
        raise Refused(
            f"a notebook needs {error.name}, which is not installed",
            hint="pip install 'mlgitops[notebook]'",
        ) from None
    text = Path(task.root, task.file).read_text(encoding="utf-8")
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:
        raise Refused(f"{task.file} is no notebook: {error}", hint="save it anew") from error


def _inject(notebook: Any, task: Task) -> tuple[int, ...]:
    """Put the cell of inputs and params in; return the number of each cell that is executed.

    Code cells are counted from 1 as they stand in the file; the new cell is 0.
    """
    from nbformat.v4 import new_code_cell

    cells, numbers, at, count = [], [], 0, 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", ())
        if cell.cell_type == "code" and INJECTED not in tags:
            count += 1
        # What papermill, or a run of this step, put in once.
        if INJECTED in tags:
            continue
        cells.append(cell)
        if "parameters" in tags and not at:
            at = len(cells)
        if cell.cell_type == "code" and cell.source.strip() and _SKIPPED not in tags:
            numbers.append((len(cells) - 1, count))
    new = new_code_cell(injected(task), metadata={"tags": [INJECTED]}, id=INJECTED)
    cells.insert(at, new)
    notebook.cells = cells
    first = [number for place, number in numbers if place < at]
    return (*first, 0, *(number for place, number in numbers if place >= at))


def _execute(notebook: Any, task: Path) -> str | None:
    """Execute all cells in place, and then store the outputs; return what went wrong."""
    import warnings

    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from nbformat.v4 import new_code_cell

    from mlgitops.executor.kernels import manager

    last = new_code_cell("import mlgitops.executor.kernel as _; _.finish()")
    notebook.cells.append(last)
    client = NotebookClient(
        notebook,
        km=manager([sys.executable, "-P", "-m", "mlgitops.executor.kernel", str(task)]),
        timeout=None,
        startup_timeout=600,
        record_timing=False,
        store_widget_state=False,
        on_cell_executed=_print,
    )
    client.owns_km = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asyncio.run(client.async_execute())
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        return "the kernel of the notebook died (out of memory?)"
    finally:
        notebook.cells.remove(last)
    return None


def _print(cell: Any, cell_index: int, execute_reply: Any) -> None:
    """Print what a cell printed: it is the step's log."""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            sys.stdout.write(output.text)
    sys.stdout.flush()


def _normalise(notebook: Any, folders: tuple[str, ...]) -> None:
    """Take out what another run of the same cells would have otherwise."""
    notebook.metadata.pop("papermill", None)
    for place, cell in enumerate(notebook.cells):
        if "id" in cell or (notebook.nbformat, notebook.nbformat_minor) >= (4, 5):
            cell.setdefault("id", f"cell-{place}")
        for key in _OF_A_RUN:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                _plain(output, folders)


def _joined(outputs: list[Any]) -> list[Any]:
    """Return the outputs with each stream whole: how it was cut is a matter of time."""
    kept: list[Any] = []
    for output in outputs:
        same = output.output_type == "stream" and [
            one for one in kept if one.output_type == "stream" and one.name == output.name
        ]
        if same:
            same[0].text += output.text
        else:
            kept.append(output)
    return kept


def _plain(output: Any, folders: tuple[str, ...]) -> None:
    if output.output_type == "stream":
        output.text = _same(output.text, folders)
    elif output.output_type == "error":
        output.traceback = [_same(_COLOUR.sub("", line), folders) for line in output.traceback]
    else:
        for kind, value in output.data.items():
            if kind.startswith("text/") and isinstance(value, str):
                output.data[kind] = _same(value, folders)


def _same(text: str, folders: tuple[str, ...]) -> str:
    for folder in folders:
        text = text.replace(folder, "")
    return _ADDRESS.sub("at 0x…", text)


def _store(notebook: Any, task: Task) -> dict[str, Any]:
    import nbformat
    from nbconvert import HTMLExporter

    from mlgitops import formats

    named = notebook.copy()
    named.metadata = notebook.metadata.copy()
    named.metadata.setdefault("title", Path(task.file).stem)
    # No script is fetched from elsewhere when somebody looks at the page.
    urls = {name: "" for name in HTMLExporter.class_trait_names() if name.endswith("_url")}
    page, _ = HTMLExporter(**urls).from_notebook_node(named)
    texts = {EXECUTED: nbformat.writes(notebook) + "\n", HTML: page}
    return {
        name: formats.write(text, task.place(name), task.outputs[name])
        for name, text in texts.items()
        if name in task.outputs
    }
