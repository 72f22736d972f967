"""The forge: pull requests of one repository. Pushing branches is git's work, not the forge's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

State = Literal["open", "merged", "closed"]
CheckState = Literal["pending", "success", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a pull request proposes: the branch ``head``, pushed already, into ``base``."""

    head: str
    base: str
    title: str
    body: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One person's approval of one head commit."""

    by: str
    commit: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One named check on one head commit."""

    name: str
    state: CheckState
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request as the forge knows it now.

    ``head_commit``: what would be merged; of a closed one, what it proposed last. ``checks``: those
    of ``head_commit`` alone. ``reviews``: all, also of earlier heads (see ``approvers``).
    ``closed_by``: who merged or closed it; None when git alone shows that it happened (the branch
    was merged by hand, or deleted).
    """

    number: int
    state: State
    change: Change
    author: str
    head_commit: str
    url: str
    opened_at: str
    closed_at: str | None = None
    closed_by: str | None = None
    merge_commit: str | None = None
    reviews: tuple[Review, ...] = ()
    checks: tuple[Check, ...] = ()

    def approvers(self) -> tuple[str, ...]:
        """Return who approved the present head, each once, never the author."""
        # People write their own name in more than one way; that makes no second pair of eyes.
        names = {r.by.casefold(): r.by for r in self.reviews if r.commit == self.head_commit}
        names.pop(self.author.casefold(), None)
        return tuple(sorted(names.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The pull request is in the base branch."""

    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Nothing is wrong, but an approval or the answer of a check is still missing."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """The forge does not merge what is proposed as it is, and why."""

    reason: str


Merging: TypeAlias = "Merged | Waiting | NotReady"


class Forge(Protocol):
    """One repository on one forge.

    Every method may be called again after a crash at any moment, and writes nothing when there is
    nothing to change. Approvals and checks belong to one commit: a new push leaves them behind.
    Raises ForgeError, NotAllowed or RaceLost; UsageError for a number that does not exist.
    """

    def find(self, *, head: str, base: str) -> PullRequest | None:
        """Return the open pull request of a branch, else its newest closed one, else None."""
        ...

    def get(self, number: int) -> PullRequest:
        """Return one pull request."""
        ...

    def list(self, *, state: State | None = None) -> tuple[PullRequest, ...]:
        """Return pull requests, newest first."""
        ...

    def open(self, change: Change, *, author: str) -> PullRequest:
        """Open a pull request; when one is open for the same head and base, return that.

        UsageError when the branch is not pushed or holds nothing that the base does not.
        """
        ...

    def update(self, number: int, change: Change) -> PullRequest:
        """Make title, body and labels what ``change`` says. UsageError for other branches."""
        ...

    def approve(self, number: int, *, by: str, expect_head: str) -> PullRequest:
        """Approve the present head, if it still is ``expect_head``; else RaceLost.

        NotAllowed for the author, and on forges where people do it; Refused when it is not open.
        """
        ...

    def check(self, number: int, checks: Mapping[str, Check], *, commit: str) -> PullRequest:
        """Publish what was found of ``commit``, by name.

        Nothing is written when the head has moved on, or the pull request is open no longer.
        """
        ...

    def merge(self, number: int, *, expect_head: str, by: str) -> Merging:
        """Merge if the head is still ``expect_head`` and every branch rule holds.

        The answer of a pull request that is merged already is the commit that did it.
        """
        ...

    def close(self, number: int, *, by: str) -> PullRequest:
        """Close without merging. Refused when it is merged."""
        ...
