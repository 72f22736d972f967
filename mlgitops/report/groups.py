"""What happens in a run, as GitHub shows it: a group for each step, an annotation of a failure."""

from __future__ import annotations

import re
from typing import Final

from mlgitops.core.events import Event, StepDone, StepFailed, StepReused, StepStarted
from mlgitops.report.github import escaped
from mlgitops.report.progress import lines

# The innermost line of the user's own code, as a traceback names it.
_PLACE: Final = re.compile(r'^\s*File "([^"\n<]+)", line (\d+)', re.MULTILINE)


def grouped(event: Event, log: str, token: str) -> tuple[str, ...]:
    """Return the lines of a job's log.

    ``log``: what the step printed; commands in it do nothing until ``token``, which nobody guesses.
    """
    match event:
        case StepReused(notes=()) | StepStarted():
            return ()
        case StepDone(notes=notes, elsewhere=False):
            return _group(lines(event)[0], log, token, notes)
        case StepFailed(name=name, message=message):
            first = message.partition("\n")[0]
            title = escaped(f"{name} failed", ":,")
            place = _PLACE.findall(message)
            where = f"file={escaped(place[-1][0], ':,')},line={place[-1][1]}," if place else ""
            return (
                *_group(f"{name}: failed", message, token),
                f"::error {where}title={title}::{escaped(first, '')}",
            )
        case _:
            return lines(event)


def _group(title: str, inside: str, token: str, notes: tuple[str, ...] = ()) -> tuple[str, ...]:
    noted = tuple(f"  note: {note}" for note in notes)
    if not inside.strip():
        return (title, *noted)
    return (
        f"::group::{escaped(title, '')}",
        f"::stop-commands::{token}",
        *inside.rstrip().splitlines(),
        f"::{token}::",
        "::endgroup::",
        *noted,
    )
