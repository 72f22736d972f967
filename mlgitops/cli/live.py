"""A run on a terminal: what runs now and for how long, how far it is; drawn a few times a second.

The run only notes what happened; a thread draws. So a thousand quick steps wait for no terminal,
and a run that is over in a moment draws nothing at all.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlgitops.cli.terminal import say
from mlgitops.core.events import (
    Event,
    RunEnded,
    RunStarted,
    StepDone,
    StepFailed,
    StepRetrying,
    StepReused,
    StepsFound,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from mlgitops.report.progress import lines
from mlgitops.report.tables import clean

if TYPE_CHECKING:
    from rich.console import RenderableType

_TICK: Final = 0.125
_PATIENCE: Final = 0.4
_LONG: Final = 1.0
_MOST_ROWS: Final = 12
_TAIL: Final = 5


@dataclass(slots=True)
class Running:
    """One step that runs. ``state``: what else there is to say of it."""

    since: float
    usual: float | None
    state: str = ""


@dataclass(slots=True)
class Scene:
    """What is seen: counted and listed by events, drawn by somebody else."""

    started: float
    total: int = 0
    settled: int = 0
    done: int = 0
    reused: int = 0
    failed: int = 0
    running: dict[str, Running] = field(default_factory=dict)
    news: deque[str] = field(default_factory=deque)

    def take(self, event: Event, now: float) -> None:
        """Note what happened; ``news`` are lines that stay on the terminal."""
        match event:
            case RunStarted(total=total):
                self.total = total
            case StepsFound(count=count):
                self.total += count - 1
            case StepStarted(name=name, usual=usual, notes=notes):
                self.running[name] = Running(since=now, usual=usual)
                self._note(name, notes)
            case StepWaiting(name=name):
                self._state(name, "another run is doing this")
            case StepRetrying(name=name, attempt=attempt):
                self._state(name, f"attempt {attempt} failed")
            case StepDone(name=name, seconds=seconds, notes=notes):
                self.running.pop(name, None)
                self.settled += 1
                self.done += 1
                # What took a moment is counted; a line for each would scroll everything away.
                if seconds >= _LONG:
                    self.news.append(lines(event)[0])
                self._note(name, notes)
            case StepReused(name=name, notes=notes):
                self.settled += 1
                self.reused += 1
                self._note(name, notes)
            case StepSkipped():
                self.settled += 1
            case StepFailed(name=name, message=message):
                self.running.pop(name, None)
                self.settled += 1
                self.failed += 1
                self.news.extend((*lines(event), *tail(message)))
            case RunEnded():
                self.running.clear()

    def _state(self, name: str, state: str) -> None:
        if name in self.running:
            self.running[name].state = state

    def _note(self, name: str, notes: tuple[str, ...]) -> None:
        self.news.extend(f"{name}: note: {note}" for note in notes)


def tail(message: str) -> tuple[str, ...]:
    """Return the last lines of what a failed step printed; none when it printed nothing."""
    block = next((one for one in message.split("\n\n") if "what it printed (" in one), "")
    return tuple(f"  {line.strip()}" for line in block.splitlines()[1:][-_TAIL:])


class Live:
    """A live view on standard error. Everything is said above it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scene = Scene(started=time.monotonic())
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, event: Event) -> None:
        """Note what happened; the end of the run is said at once."""
        with self._lock:
            self._scene.take(event, time.monotonic())
        if isinstance(event, RunEnded):
            self.close()
            for line in lines(event):
                say(line)
        elif isinstance(event, StepStarted) and self._thread is None:
            self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
            self._thread.start()

    def say(self, line: str) -> None:
        """Show one line, above the view while there is one."""
        if self._thread is None or self._over.is_set():
            say(line)
        else:
            with self._lock:
                self._scene.news.append(line)

    def close(self) -> None:
        """Take the view away and say what it did not show yet."""
        self._over.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        for line in self._news():
            say(line)

    def _news(self) -> list[str]:
        with self._lock:
            found = list(self._scene.news)
            self._scene.news.clear()
        return found

    def _draw(self) -> None:
        # What is over by then needs no view, nor the library that draws it.
        if self._over.wait(_PATIENCE):
            return
        from rich.console import Console
        from rich.live import Live as RichLive
        from rich.text import Text

        console = Console(stderr=True, highlight=False)
        with RichLive(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as view:
            while not self._over.is_set():
                news = self._news()
                if news:
                    text = "\n".join(clean(line) for line in news)
                    view.console.print(Text(text), soft_wrap=True)
                view.update(self._page(), refresh=True)
                self._over.wait(_TICK)

    def _page(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        size = shutil.get_terminal_size()
        with self._lock:
            rows = rows_of(self._scene, time.monotonic(), max(1, min(_MOST_ROWS, size.lines - 4)))
            last = status_of(self._scene, time.monotonic())
            total, settled = self._scene.total, self._scene.settled
        page = Table.grid(padding=(0, 1))
        page.add_column(no_wrap=True, overflow="ellipsis")
        for row in rows:
            page.add_row(Text(row, no_wrap=True, overflow="ellipsis"))
        foot = Table.grid(padding=(0, 1))
        foot.add_column(width=max(8, min(30, size.columns // 4)))
        foot.add_column(no_wrap=True, overflow="ellipsis")
        foot.add_row(ProgressBar(total=max(total, 1), completed=settled), Text(last))
        page.add_row(foot)
        return page


def rows_of(scene: Scene, now: float, most: int) -> list[str]:
    """Return a line for each step that runs, those that run longest first."""
    running = sorted(scene.running.items(), key=lambda one: one[1].since)
    rows = []
    for name, one in running[:most]:
        usual = "" if one.usual is None else f", last time {clock(one.usual)}"
        state = f" ({one.state})" if one.state else ""
        rows.append(clean(f"{name}  {clock(now - one.since)}{usual}{state}"))
    if len(running) > most:
        rows.append(f"and {len(running) - most} more")
    return rows


def status_of(scene: Scene, now: float) -> str:
    """Return the line beside the bar."""
    parts = [f"{scene.settled}/{scene.total} steps", f"{scene.done} done"]
    parts += [f"{scene.reused} reused"] if scene.reused else []
    parts += [f"{scene.failed} failed"] if scene.failed else []
    return f"{', '.join(parts)}, {clock(now - scene.started)}"


def clock(seconds: float) -> str:
    """Return ``3.2 s``, ``2:05`` or ``1:02:05``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
