"""What happens in a run, as plain lines."""

from __future__ import annotations

from typing import assert_never

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


def lines(event: Event) -> tuple[str, ...]:
    """Return the lines that say what happened; none for what is no news in a log."""
    match event:
        case RunStarted():
            return ()
        case StepsFound(name=name, count=count):
            return (f"{name}: {_count(count, 'element')}",)
        case StepStarted(name=name, because=because, notes=notes):
            return _noted(f"{name}: started: {'; '.join(because)}", notes)
        case StepWaiting(name=name):
            return (f"{name}: another run is doing this, waiting for it",)
        case StepRetrying(name=name, attempt=attempt, wait=wait):
            return (f"{name}: attempt {attempt} failed, trying again in {wait:.1f} s",)
        case StepDone(name=name, elsewhere=True, notes=notes):
            return _noted(f"{name}: done by another run", notes)
        case StepDone(name=name, seconds=seconds, notes=notes):
            return _noted(f"{name}: done in {seconds:.1f} s", notes)
        case StepReused(name=name, notes=notes):
            return _noted(f"{name}: reused", notes)
        case StepSkipped(name=name, because=because):
            return (f"{name}: skipped: {because}",)
        case StepFailed(name=name):
            return (f"{name}: failed",)
        case RunEnded():
            return (_ended(event),)
        case _:
            assert_never(event)


def _ended(event: RunEnded) -> str:
    if not event.ran and not event.failed and not event.left:
        skipped = f", {event.skipped} skipped" if event.skipped else ""
        are = "is" if event.reused == 1 else "are"
        return f"nothing to do: {_count(event.reused, 'step')} {are} up to date{skipped}"
    parts = [f"{_count(event.ran, 'step')} ran", f"{event.reused} reused"]
    parts += [f"{event.skipped} skipped"] if event.skipped else []
    parts += [f"{event.failed} failed"] if event.failed else []
    parts += [f"{event.left} not reached"] if event.left else []
    return f"{', '.join(parts)}, in {event.seconds:.1f} s"


def _noted(line: str, notes: tuple[str, ...]) -> tuple[str, ...]:
    return (line, *(f"  note: {note}" for note in notes))


def _count(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
