"""A stage of the story: say why, run a command as a reader would type it, check what it claims."""

from __future__ import annotations

import os
import shutil
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from mlgitops.cli.demo.commands import Broken, Done, Processes, shown
from mlgitops.core.errors import MlgitopsError

if TYPE_CHECKING:
    from mlgitops.report.tables import Paint

# What would turn on things that nobody asked for in a scratch repository, or point git elsewhere.
_INHERITED: Final = ("GIT_", "MLGITOPS_", "GITHUB_", "GITLAB_", "CI_", "RUNNER_")
_INHERITED_NAMES: Final = frozenset(
    {
        "CI",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "FORCE_COLOR",
        # A hundred processes would each compile the same modules again.
        "PYTHONDONTWRITEBYTECODE",
    }
)
_LINES: Final = 16
_WIDEST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works in a clone of their own. ``ci``: nobody is there to answer."""

    name: str
    clone: Path
    ci: bool = False

    @property
    def prompt(self) -> str:
        """What stands before the commands of this person."""
        return self.name.lower()


@dataclass(slots=True, kw_only=True)
class Demo:
    """The scratch repository, the people in it, and the way to tell what they do.

    ``stack`` closes what a stage left running, also when the story breaks off; ``processes`` are
    the commands that run now. ``print`` takes one line; ``quiet``: the last one was a command.
    """

    scratch: Path
    paint: Paint
    stack: ExitStack
    processes: Processes
    print: Callable[[str], None]
    quiet: bool = False

    @property
    def origin(self) -> Path:
        """The bare repository that everybody pushes to."""
        return self.scratch / "origin.git"

    @property
    def store(self) -> Path:
        """The store that all clones share, as a bucket or a registry would be."""
        return self.scratch / "store"

    def person(self, name: str, clone: str | None = None) -> Person:
        """Return who works in a clone of the scratch folder, by default of that name."""
        return Person(name=name, clone=self.scratch / (clone or name.lower()), ci=name == "CI")

    # -- telling ------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Tell, in plain words, what happens next and why."""
        width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns) - 2
        for paragraph in textwrap.dedent(text).strip().split("\n\n"):
            self.write("")
            for line in textwrap.wrap(" ".join(paragraph.split()), width):
                self.write(f"  {line}")

    def show(self, text: str) -> None:
        """Show text as it is."""
        for line in text.rstrip("\n").splitlines():
            self.write(f"    {line}")

    def prompt(self, who: Person, command: str) -> None:
        """Show a command before it runs; several without output stand close together."""
        if not self.quiet:
            self.write("")
        self.write(f"  {self.paint(f'{who.prompt}$', 'dim')} {self.paint(command, 'bold')}")
        self.quiet = True

    def write(self, line: str) -> None:
        """Write one line."""
        self.quiet = False
        self.print(line)

    def claim(self, what: str, holds: bool, found: object = "") -> None:
        """Check one thing that the stage claims; Broken, with what was found, when it is not so."""
        if not holds:
            raise Broken(f"it does not hold that {what}" + (f"; found: {found}" if found else ""))
        self.write(f"  {self.paint('✓', 'good')} {self.paint(what, 'dim')}")

    def meanwhile(self, play: Callable[[Self], Done | None]) -> Meanwhile[Self]:
        """Begin a part of the story that goes on beside what is told now."""
        return Meanwhile(self, play)

    # -- doing --------------------------------------------------------------------------------

    def mlgitops(
        self,
        who: Person,
        *words: str,
        expect: int = 0,
        lines: int = _LINES,
        hidden: bool = False,
    ) -> Done:
        """Run ``mlgitops WORDS`` in the person's clone; Broken for another exit code.

        ``lines``: so many are shown, the log has all. ``hidden``: a look that the demo takes for
        itself, nothing is shown.
        """
        return self._run(who, ("mlgitops", *words), expect, 0 if hidden else lines, hidden)

    def git(
        self, who: Person, *words: str, expect: int = 0, lines: int = 0, hidden: bool = True
    ) -> str:
        """Run ``git WORDS`` in the person's clone and return what it printed."""
        return self._run(who, ("git", *words), expect, lines, hidden).out.rstrip("\n")

    def environment(self, who: Person | None = None) -> dict[str, str]:
        """Return the variables of a command; the reader's git settings are neither read nor set."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_INHERITED) and name not in _INHERITED_NAMES
        }
        name = who.name if who is not None else "Demo"
        kept |= {f"GIT_{role}_NAME": name for role in ("AUTHOR", "COMMITTER")}
        email = f"{name.lower()}@example.com"
        kept |= {f"GIT_{role}_EMAIL": email for role in ("AUTHOR", "COMMITTER")}
        kept |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        kept |= {"GIT_TERMINAL_PROMPT": "0", "MLGITOPS_STORE": str(self.store)}
        # The output of a command is read here, whatever the reader's locale is.
        kept |= {"PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
        return kept | ({"CI": "true"} if who is not None and who.ci else {})

    def _run(
        self, who: Person, words: tuple[str, ...], expect: int, lines: int, hidden: bool
    ) -> Done:
        if not hidden:
            self.prompt(who, shown(words))
        # JSON is read by the demo; what it says is told in words.
        excerpt = _Excerpt(self, lines, result="--json" not in words)
        start = time.monotonic()
        done = self.processes.call(
            words, cwd=who.clone, env=self.environment(who), on_line=excerpt.add
        )
        seconds = time.monotonic() - start
        excerpt.end()
        with (self.scratch / "demo.log").open("a", encoding="utf-8") as log:
            ended = f"[exit {done.code} after {seconds:.1f} s]"
            log.write(f"\n{who.prompt}$ {shown(words)}\n{done.err}{done.out}{ended}\n")
        if done.code != expect:
            told = f"{done.err}\n{done.out}".strip().splitlines()[-30:]
            told = [f"    {line}" for line in told]
            raise Broken(
                f"`{shown(words)}` ended with {done.code}, not {expect}:\n" + "\n".join(told)
            )
        return done


D = TypeVar("D", bound=Demo)


class Meanwhile(Generic[D]):
    """What somebody does while the story is elsewhere: it is told when its turn comes.

    It works on a copy of the story, so what it learns stays there; and in a clone of its own.
    """

    def __init__(self, demo: D, play: Callable[[D], Done | None]) -> None:
        self._lines: list[str] = []
        self._error: Exception | None = None
        self._found: Done | None = None
        self._demo = demo
        self._copy = replace(demo, print=self._lines.append)
        self._thread = threading.Thread(target=self._run, args=(play,), name="meanwhile")
        # The processes are ended before this waits: callbacks are called last first.
        demo.stack.callback(self._thread.join)
        demo.stack.callback(demo.processes.end)
        self._thread.start()

    def _run(self, play: Callable[[D], Done | None]) -> None:
        try:
            self._found = play(self._copy)
        except (MlgitopsError, OSError) as error:
            self._error = error

    def tell(self) -> Done | None:
        """Wait for its end, tell it and return what it found; raise what broke it off."""
        self._thread.join()
        for line in self._lines:
            self._demo.write(line)
        if self._error is not None:
            raise self._error
        return self._found


class _Excerpt:
    """Shows the first lines of a command's output as they come, and the last one at its end."""

    def __init__(self, demo: Demo, lines: int, *, result: bool) -> None:
        self._demo = demo
        self._result = result
        self._lines = lines
        self._left = 0
        self._last = ""
        self._one_at_a_time = threading.Lock()

    def add(self, line: str, progress: bool) -> None:
        """Show one more line, if there is room."""
        if not (progress or self._result):
            return
        with self._one_at_a_time:
            text = line.rstrip()
            text = f"    {self._demo.paint(text, 'dim') if progress else text}".rstrip()
            if self._lines > 1:
                self._demo.write(text)
                self._lines -= 1
            elif self._lines:
                self._left += 1
                self._last = text

    def end(self) -> None:
        """Show the last line, and say how many before it were left out."""
        if self._left > 1:
            count = self._left - 1
            more = f"… {count} line{'s' if count > 1 else ''} left out here, see demo.log"
            self._demo.write(f"    {self._demo.paint(more, 'dim')}")
        if self._left:
            self._demo.write(self._last)
