"""How a run is shown as it goes on: live on a terminal, in lines elsewhere, in groups in CI."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from mlgitops.cli.terminal import say

if TYPE_CHECKING:
    from mlgitops.core.events import Event

_NARROWEST: Final = 40


class Shown(Protocol):
    """One way to show a run."""

    def watch(self, event: Event) -> None:
        """Show what happened."""
        ...

    def say(self, line: str) -> None:
        """Show one line."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found."""
        ...


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-q", "--quiet", action="store_true", help="no progress")
    how.add_argument("-v", "--verbose", action="store_true", help="a line for each step, always")


@contextmanager
def showing(args: argparse.Namespace) -> Iterator[None]:
    """Set ``args.say`` and ``args.watch`` to what fits where the run is seen.

    ``args.read``, when it is set meanwhile, reads what a step printed from the store.
    """
    args.read = None
    shown = _choose(args)
    args.say, args.watch = shown.say, shown.watch
    try:
        yield
    finally:
        shown.close()
        args.say = say


def _choose(args: argparse.Namespace) -> Shown:
    if args.quiet:
        return Quiet()
    if args.verbose:
        return Lines(all_of_them=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return Groups(args)
    if live(sys.stderr.isatty(), shutil.get_terminal_size().columns, os.environ.get("TERM")):
        from mlgitops.cli.live import Live

        return Live()
    return Lines(all_of_them=False)


def live(terminal: bool, columns: int, kind: str | None) -> bool:
    """Return whether lines can be written again in place."""
    return terminal and columns >= _NARROWEST and kind not in (None, "", "dumb")


class Quiet:
    """Nothing of the progress; notes of what is wrong stay."""

    def watch(self, event: Event) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show one line."""
        say(line)

    def close(self) -> None:
        """Have nothing to leave."""


class Lines(Quiet):
    """One line for what happens; what is merely reused is counted in the last one."""

    def __init__(self, *, all_of_them: bool) -> None:
        self._all = all_of_them

    def watch(self, event: Event) -> None:
        """Show the lines of an event."""
        from mlgitops.core.events import StepReused
        from mlgitops.report.progress import lines

        if isinstance(event, StepReused) and not event.notes and not self._all:
            return
        for line in lines(event):
            say(line)


class Groups(Quiet):
    """A group of the job's log for each step, with what it printed."""

    def __init__(self, args: argparse.Namespace) -> None:
        import secrets

        self._args = args
        self._token = secrets.token_hex(16)

    def watch(self, event: Event) -> None:
        """Show the lines of an event."""
        from mlgitops.report.groups import grouped

        for line in grouped(event, self._log(event), self._token):
            say(line)

    def _log(self, event: Event) -> str:
        from mlgitops.core.errors import MlgitopsError
        from mlgitops.core.events import StepDone

        if self._args.read is None or not isinstance(event, StepDone) or event.log is None:
            return ""
        try:
            data: bytes = self._args.read(event.log)
        except MlgitopsError as error:
            return f"(what it printed cannot be read: {error.message})"
        return data.decode("utf-8", "replace")
