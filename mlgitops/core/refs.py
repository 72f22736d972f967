"""Refs, tags and commits as git tells them, and the two answers to moving a ref."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ABSENT: Final = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RefUpdate:
    """Move ``ref`` from ``old`` to ``new``; None means that the ref does not exist."""

    ref: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """All refs were moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Nothing was moved: somebody else moved one of the refs first. Read again, decide again."""

    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An annotated tag. ``message`` is whole, with its subject line."""

    name: str
    object: str
    commit: str
    message: str
    tagger: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One commit of a log; ``date`` is ISO 8601 with offset."""

    commit: str
    parents: tuple[str, ...]
    author: str
    date: str
    subject: str
    body: str
