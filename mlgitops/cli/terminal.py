"""How output reaches a person or a program: JSON, or text that is coloured on a terminal only."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from mlgitops.core.digests import JSON
from mlgitops.core.errors import StoreError
from mlgitops.report.tables import Paint, ansi, clean, plain, tamed


def paint() -> Paint:
    """Return how words are coloured: not at all in a pipe, nor when NO_COLOR is set."""
    dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return plain if dull or not sys.stdout.isatty() else ansi


def write_json(value: JSON) -> None:
    """Print one JSON document."""
    from mlgitops.core.digests import document

    put(document(value))


def put(data: bytes) -> None:
    """Print what programs read, which is UTF-8 whatever the terminal shows."""
    stream = sys.stdout

    def work() -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.flush()
            stream.buffer.write(data)
        else:
            stream.write(data.decode())

    _out(work)


def write(text: str) -> None:
    """Print a page; nothing for an empty one."""
    if text:
        _out(lambda: print(tamed(text.rstrip("\n"))))


def say(line: str) -> None:
    """Show one line beside the result and never in it: progress, or what is wrong."""
    try:
        print(clean(line), file=sys.stderr, flush=True)
    except OSError:
        # Nobody reads it, or can; the work goes on.
        _deafen(sys.stderr)


def _out(work: Callable[[], None]) -> None:
    """Do ``work`` and see it through; StoreError when the output cannot be written."""
    try:
        work()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has what it wanted. What the command found out is its exit code.
        _deafen(sys.stdout)
    except OSError as error:
        _deafen(sys.stdout)
        raise StoreError(f"cannot write the output: {error.strerror}") from error


def _deafen(stream: TextIO) -> None:
    """Let ``stream`` lead nowhere, so that nothing fails once more when Python shuts down."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
