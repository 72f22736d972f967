"""The child process of a step: ``python -P -m mlgitops.executor.worker TASK_FILE``.

It calls the user's function with its inputs and parameters by name, stores what comes back, and
notes which files of the repository were read beyond what the step declares. It imports no more
than the step needs. Exit code 0: done; 1: the step failed, ``result.json`` says why.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_never

from mlgitops import formats
from mlgitops.core.errors import MlgitopsError
from mlgitops.executor import tracebacks
from mlgitops.executor.storing import RowsFailed, describe, store
from mlgitops.executor.tasks import LIST, Done, Failed, Given, Task, read_task, write_result
from mlgitops.executor.watching import Watch


class _Wrong(Exception):
    """The step cannot be done, and the reason lies between the spec and the function."""


def main(argv: Sequence[str]) -> int:
    """Do the task of the file ``argv[0]`` and write the result beside it; return the exit code."""
    path = Path(argv[0])
    task = read_task(path)
    result = _result(task)
    write_result(result, path.parent)
    return 0 if isinstance(result, Done) else 1


def _result(task: Task) -> Done | Failed:
    try:
        return _do(task)
    except _Wrong as error:
        return Failed(summary=str(error))
    except MlgitopsError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return Failed(summary=f"{error.message}{hint}")
    except RowsFailed as error:
        return _failed(error.cause, task)
    except (Exception, SystemExit) as error:
        return _failed(error, task)


def _failed(error: BaseException, task: Task) -> Failed:
    return Failed(
        summary=tracebacks.summary(error), traceback=tracebacks.trimmed(error, Path(task.root))
    )


def _do(task: Task) -> Done | Failed:
    match task.kind:
        case "call" | "measure":
            return _call(task)
        case "describe":
            return Done(outputs=describe(task, task.outputs))
        case "query":
            from mlgitops.executor.queries import query

            return _kept(query(task), task)
        case "notebook":
            from mlgitops.executor.notebooks import run_notebook

            return run_notebook(task)
        case "http":
            from mlgitops.executor.fetching import fetch

            return fetch(task)
        case "sql":
            from mlgitops.executor.databases import select

            return _kept(select(task), task)
        case _:
            assert_never(task.kind)


def _kept(result: Done | Failed, task: Task) -> Done | Failed:
    """Hold rows that were written as they came against their contracts: they are read once more."""
    if isinstance(result, Failed) or not task.contracts:
        return result
    return replace(result, outputs={**result.outputs, **describe(task, task.contracts)})


def _call(task: Task) -> Done:
    watch = Watch(Path(task.root), task.declared, Path(task.directory).parent)
    function = _function(task, watch)
    given = _arguments(task)
    if task.kind == "measure":
        values = _measured(task, function, given, watch)
    else:
        _check_call(task.function, function, given)
        with watch:
            values = _by_name(task, function(**given))
    given.clear()
    outputs = store(task, values, watch)
    seen = watch.seen()
    return Done(
        outputs=outputs,
        undeclared=seen.undeclared,
        network=seen.network,
        programs=seen.programs,
    )


def _measured(
    task: Task, function: Callable[..., object], given: dict[str, Any], watch: Watch
) -> dict[str, object]:
    from mlgitops.executor.measuring import Unusable, asked, measured

    wanted = asked(function, given)
    _check_call(task.function, function, wanted)
    try:
        with watch:
            return _by_name(task, measured(function, wanted, given["blocks"]))
    except Unusable as error:
        raise _Wrong(f"{task.function}: {error}") from error


def _function(task: Task, watch: Watch) -> Callable[..., object]:
    """Import the user's function; the pipeline's folder comes first, then the repository."""
    sys.path[:0] = [task.folder, task.root, f"{task.root}/src"]
    watch.load_fresh()
    module, _, name = task.function.partition(":")
    with watch:
        imported = importlib.import_module(module)
    function = getattr(imported, name, None)
    if not callable(function):
        import difflib

        known = [key for key, value in vars(imported).items() if callable(value)]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise _Wrong(f"module {module!r} has no function {name!r}{hint}")
    return function  # type: ignore[no-any-return]


def _arguments(task: Task) -> dict[str, object]:
    given: dict[str, object] = {name: _load(name, one) for name, one in task.inputs.items()}
    given.update(task.params)
    if task.as_of is not None:
        moment = datetime.fromisoformat(task.as_of)
        given["as_of"] = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return given


def _load(name: str, given: Given) -> object:
    path = Path(given.path)
    if given.format == "path":
        return path
    if given.format == LIST:
        return [_load(f"{name}[{place}]", one) for place, one in enumerate(given.items)]
    try:
        return formats.read(path, given.format, given.types)
    except MlgitopsError as error:
        raise _Wrong(f"input {name!r}: {error.message}") from error


def _check_call(what: str, function: Callable[..., object], given: Mapping[str, object]) -> None:
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**given)
    except TypeError as error:
        gives = ", ".join(given) or "nothing"
        raise _Wrong(f"{what} takes {signature}, and the step gives {gives}: {error}") from error


def _by_name(task: Task, value: Any) -> dict[str, object]:
    """Return the outputs by name: a dict with exactly these names, a tuple in their order, or, when
    there is only one, the value itself."""
    names = list(task.outputs)
    # One output that is a dict may well hold a key of its own name: then the dict is the value.
    lone_dict = len(names) == 1 and task.outputs[names[0]] in ("json", "npz", "directory")
    if isinstance(value, dict) and set(value) == set(names) and not lone_dict:
        return dict(value)
    if len(names) == 1:
        return {names[0]: value}
    if isinstance(value, tuple) and len(value) == len(names):
        return dict(zip(names, value, strict=True))
    got = f"the keys {list(value)}" if isinstance(value, dict) else type(value).__name__
    raise _Wrong(
        f"{task.function} returned {got}, and the step declares the outputs {', '.join(names)};"
        " return a dict with these keys, or a tuple in this order"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
