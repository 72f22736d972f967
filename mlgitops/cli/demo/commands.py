"""Commands as processes of their own: run to their end, shown while they run, read afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError

# -P: the scratch clone holds this package too, and it is the installed one that runs.
MLGITOPS: Final = (sys.executable, "-P", "-m", "mlgitops")
_STOP_SECONDS: Final = 20


class Broken(MlgitopsError):
    """A stage did not do what it claims; the text says what was found instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    def json(self, *path: str | int) -> JSON:
        """Return what the command printed as JSON, or what stands there at ``path``."""
        try:
            value: JSON = json.loads(self.out)
        except ValueError as error:
            raise Broken(f"`{shown(self.words)}` printed no JSON: {error}") from error
        return at(value, *path)


def at(value: JSON, *path: str | int) -> JSON:
    """Return what stands in ``value`` under the keys and positions of ``path``."""
    for key in path:
        match value, key:
            case dict(), str() if key in value:
                value = value[key]
            case list(), int() if -len(value) <= key < len(value):
                value = value[key]
            case _:
                where = ".".join(map(str, path))
                raise Broken(f"the JSON has no {where}: {json.dumps(value)[:200]}")
    return value


def shown(words: Sequence[str]) -> str:
    """Return a command as a reader would type it."""
    plain = [word if _is_plain(word) else f'"{word}"' for word in words]
    return " ".join(plain)


def _is_plain(word: str) -> bool:
    return bool(word) and not set(word) & set(" \t\n\"'$`\\&|;<>()*?#~")


class Processes:
    """The commands that run now, whoever waits for them, so that all of them can be ended."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._over = False
        self._guard = threading.Lock()

    def call(
        self,
        words: tuple[str, ...],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_line: Callable[[str, bool], None],
    ) -> Done:
        """Run a command to its end, and end it when something else ends this.

        ``on_line`` gets each line as it comes, and whether it is progress (of stderr).
        """
        with self._guard:
            if self._over:
                raise Broken(f"`{shown(words)}` was not run: the story is over")
            process = subprocess.Popen(
                [*MLGITOPS, *words[1:]] if words[0] == "mlgitops" else list(words),
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            self._running.add(process)
        try:
            out, err = _both(process, on_line)
            return Done(words=words, code=process.wait(), out=out, err=err)
        finally:
            stop(process)
            with self._guard:
                self._running.discard(process)

    def end(self) -> None:
        """End what runs, and let nothing more start."""
        with self._guard:
            self._over = True
            running = tuple(self._running)
        for process in running:
            stop(process)


def _both(process: subprocess.Popen[str], on_line: Callable[[str, bool], None]) -> tuple[str, str]:
    out: list[str] = []
    err: list[str] = []

    def drain_progress(stream: IO[str]) -> None:
        for line in stream:
            err.append(line)
            on_line(line, True)

    assert process.stdout is not None and process.stderr is not None
    other = threading.Thread(target=drain_progress, args=(process.stderr,), daemon=True)
    other.start()
    for line in process.stdout:
        out.append(line)
        on_line(line, False)
    other.join()
    return "".join(out), "".join(err)


def stop(process: subprocess.Popen[str]) -> int:
    """End a process: ask first, wait, then insist. Return its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()
