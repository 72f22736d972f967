"""How a run of a pipeline ended, as it is told to people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from mlgitops.core.digests import JSON, short

Event = Literal["success", "failure"]

_LONGEST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One event. ``failed``: (step, the first line of why). ``page``: of the job that ran it."""

    event: Event
    pipeline: str
    ran: tuple[str, ...]
    reused: int
    failed: tuple[tuple[str, str], ...]
    seconds: float
    commit: str | None = None
    branch: str | None = None
    page: str | None = None

    @property
    def text(self) -> str:
        """The event in a line or two, as chats show it."""
        at = f" at {short(self.commit)}" if self.commit else ""
        on = f" on {self.branch}" if self.branch else ""
        if self.event == "success":
            count = "1 step" if len(self.ran) == 1 else f"{len(self.ran)} steps"
            first = f"{self.pipeline} succeeded{on}{at}: {count} ran in {self.seconds:.0f} s"
        else:
            names = ", ".join(step for step, _ in self.failed)
            first = f"{self.pipeline} failed{on}{at}: {names}"
        lines = [first, *(f"{step}: {why}" for step, why in self.failed)]
        return "\n".join([*lines, *([self.page] if self.page else [])])


def ending_json(ending: Ending) -> dict[str, JSON]:
    """Return the event as JSON; ``text`` is what Slack and its kin show of it."""
    return {
        "text": ending.text,
        "event": ending.event,
        "pipeline": ending.pipeline,
        "ran": list(ending.ran),
        "reused": ending.reused,
        "failed": [{"step": step, "message": why} for step, why in ending.failed],
        "seconds": round(ending.seconds, 3),
        "commit": ending.commit,
        "branch": ending.branch,
        "page": ending.page,
    }


def first_line(message: str) -> str:
    """Return the first line of an error, no longer than a chat wants it."""
    line = (message.splitlines() or [""])[0]
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
