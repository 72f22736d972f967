"""The values that a step gave, as the files of its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mlgitops import formats
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.executor.tasks import Task
from mlgitops.executor.watching import Watch
from mlgitops.formats import Description


class RowsFailed(Exception):
    """The step's own code failed while its rows were taken, with ``cause``."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def store(
    task: Task, values: dict[str, object], watch: Watch | None = None
) -> dict[str, Description]:
    """Store each value under the name of its output; Refused when one does not fit its format, or
    its rows break their contract.

    ``values`` is emptied: what is stored is let go. ``watch``: entered while an iterator, which
    runs the step's code, gives its rows.
    """
    done = {}
    for name in list(values):
        value = values.pop(name)
        if isinstance(value, Iterator) and not hasattr(value, "__arrow_c_stream__"):
            value = _observed(value, watch)
        with _named(name, "written"):
            done[name] = formats.write(
                value, task.place(name), task.outputs[name], task.contracts.get(name)
            )
    return done


def describe(task: Task, names: Iterable[str]) -> dict[str, Description]:
    """Describe outputs that are there; Refused for what is not what it should be."""
    done = {}
    for name in names:
        with _named(name, "read"):
            done[name] = formats.describe(
                task.place(name), task.outputs[name], task.contracts.get(name)
            )
    return done


@contextmanager
def _named(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except MlgitopsError as error:
        raise Refused(f"output {name!r}: {error.message}", hint=error.hint) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refused(f"output {name!r} cannot be {what}: {reason}") from error


def _observed(rows: Iterator[object], watch: Watch | None) -> Iterator[object]:
    """Go through an iterator of the step; RowsFailed for whatever it raises."""
    while True:
        try:
            if watch is None:
                one = next(rows)
            else:
                with watch:
                    one = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise RowsFailed(error) from error
        yield one
