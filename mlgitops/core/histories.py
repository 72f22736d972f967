"""What happened to a model: released, moved, held, watched; by whom, when, on what evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from mlgitops.core.digests import JSON

Kind = Literal["released", "promoted", "rolled-back", "removed", "held", "unheld", "observed"]

_TRAILER: Final = re.compile(r"([A-Za-z][A-Za-z-]*): (.+)")
_PULL: Final = re.compile(r"\(#(\d+)\)|[Pp]ull request #?(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. ``at`` is ISO 8601 with an offset.

    ``by``: who made it so (of a pull request: who merged it); ``proposed_by``: who wrote what was
    merged; ``approved_by``: as the merge commit says it. ``commit``: where git has it, None for
    what stands in the ledger. ``evidence``: the promotion record, a path inside that commit, or
    the ledger's record, ``<ref>:<path>``.
    """

    at: str
    kind: Kind
    by: str
    commit: str | None
    environment: str | None = None
    version: str | None = None
    before: str | None = None
    digest: str | None = None
    proposed_by: str | None = None
    approved_by: tuple[str, ...] = ()
    pull: int | None = None
    evidence: str | None = None
    detail: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Return the form of ``history --json``."""
        return {
            "at": self.at,
            "kind": self.kind,
            "environment": self.environment,
            "version": self.version,
            "before": self.before,
            "digest": self.digest,
            "by": self.by,
            "proposed_by": self.proposed_by,
            "approved_by": list(self.approved_by),
            "pull": self.pull,
            "commit": self.commit,
            "evidence": self.evidence,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The events of one model, newest first. ``notes``: what could not be seen, and why."""

    model: str
    environment: str | None
    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()


def to_json(history: History) -> dict[str, JSON]:
    """Return the form of ``history --json``."""
    return {
        "apiVersion": "mlgitops/v1",
        "model": history.model,
        "environment": history.environment,
        "events": [event.to_json() for event in history.events],
        "notes": list(history.notes),
    }


def newest_first(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events by time; of two at the same second the later given one counts as newer."""
    oldest_first = sorted(events, key=lambda event: _instant(event.at))
    return tuple(oldest_first[::-1])


def _instant(at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def trailers(message: str) -> Mapping[str, tuple[str, ...]]:
    """Return the trailers of a commit message: lower-case key to its values in order.

    Like git, takes only the last paragraph, so that a quoted line in a body is none.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in message.strip().split("\n\n")[-1].splitlines():
        match = _TRAILER.fullmatch(line.strip())
        if match is not None:
            key = match[1].lower()
            found[key] = (*found.get(key, ()), match[2].strip())
    return found


def pull_number(subject: str, named: Mapping[str, tuple[str, ...]]) -> int | None:
    """Return the number of the pull request that a merge or squash commit names, or None."""
    for value in named.get("pull-request", ()):
        if value.isdecimal():
            return int(value)
    match = _PULL.search(subject)
    return None if match is None else int(next(group for group in match.groups() if group))


def merger(author: str, named: Mapping[str, tuple[str, ...]]) -> str:
    """Return who merged: whom the merge commit names, else its author."""
    return named.get("merged-by", (author,))[-1]


def approvers(named: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return who approved, as the trailers of a merge commit say it, each once."""
    return tuple(dict.fromkeys((*named.get("approved-by", ()), *named.get("reviewed-by", ()))))
