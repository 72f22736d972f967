"""The kernel of a notebook: ``python -P -m mlgitops.executor.kernel TASK_FILE -f CONNECTION``.

It is the usual Python kernel. Besides, it names a cell as a place of the notebook's file, notes
undeclared reads as a worker does, says which cell failed, and stores the outputs at the end.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import did_you_mean
from mlgitops.executor import tracebacks
from mlgitops.executor.storing import store
from mlgitops.executor.tasks import Done, Failed, Task, read_task, write_result
from mlgitops.executor.watching import Watch


class _Session:
    """What the notebook of this process is, and what was seen of it."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.task: Task = read_task(path)
        self.watch = Watch(
            Path(self.task.root), self.task.declared, Path(self.task.directory).parent
        )

    def name(self, raw: str, code: str, number: int) -> str:
        """Return the file name of a cell, as tracebacks show it."""
        cells = self.task.options["cells"]
        assert isinstance(cells, list)
        cell = cells[number - 1] if 0 < number <= len(cells) else 0
        where = f"cell {cell}" if cell else "the cell of inputs and params"
        return f"{self.task.root}/{self.task.file}, {where}"

    def note(self, result: Any) -> None:
        """Write down why a cell failed; it is no answer if the notebook goes on all the same."""
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            root = Path(self.task.root)
            write_result(
                Failed(
                    summary=tracebacks.summary(error), traceback=tracebacks.trimmed(error, root)
                ),
                self.folder,
            )

    def finish(self, variables: Mapping[str, object]) -> None:
        """Store the outputs and write the answer."""
        missing = [name for name in self.task.outputs if name not in variables]
        answer: Done | Failed
        try:
            if missing:
                own = [name for name in variables if not name.startswith("_")]
                hint = did_you_mean(missing[0], own) or "its last value is the output"
                answer = Failed(
                    summary=f"{self.task.file} sets no variable {missing[0]!r}, which the step"
                    f" declares as an output; {hint}"
                )
            else:
                outputs = store(self.task, {name: variables[name] for name in self.task.outputs})
                seen = self.watch.seen()
                answer = Done(
                    outputs=outputs,
                    undeclared=seen.undeclared,
                    network=seen.network,
                    programs=seen.programs,
                )
        except MlgitopsError as error:
            hint = f" ({error.hint})" if error.hint else ""
            answer = Failed(summary=f"{error.message}{hint}")
        write_result(answer, self.folder)


_SESSIONS: list[_Session] = []


def main(argv: list[str]) -> None:
    """Serve the notebook of the task file ``argv[0]``."""
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    session = _Session(Path(argv[0]))
    _SESSIONS.append(session)
    sys.path[:0] = [session.task.folder, session.task.root, f"{session.task.root}/src"]
    # It says how long it takes, which no other run would say again.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    session.watch.load_fresh()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    app: Any = IPKernelApp.instance(config=config)
    app.initialize(argv[1:])
    app.shell.compile.get_code_name = session.name
    app.shell.events.register("post_run_cell", session.note)
    with session.watch:
        app.start()


def finish() -> None:
    """Store the outputs; called in the kernel when the last cell is done."""
    from IPython.core.getipython import get_ipython

    session = _SESSIONS[0]
    session.watch.__exit__()
    shell: Any = get_ipython()
    session.finish(shell.user_ns)


if __name__ == "__main__":
    from mlgitops.executor import kernel

    kernel.main(sys.argv[1:])
