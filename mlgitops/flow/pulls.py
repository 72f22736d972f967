"""Pull requests of the embedded forge: list, show, open, approve, merge, close.

``recheck`` evaluates the gates of a pull request again. A check that was green when it ran says
nothing of now (a window has closed, another promotion was merged), so nothing is merged on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mlgitops.core.errors import RaceLost, UsageError
from mlgitops.flow.seams import Seams
from mlgitops.forge import Change, Check, Merging, PullRequest, State

Recheck: TypeAlias = Callable[[PullRequest], Mapping[str, Check]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A pull request, and which files it changes; None when its commits are not to be had."""

    pull: PullRequest
    stat: str | None


def listed(seams: Seams, state: State | None = None) -> tuple[PullRequest, ...]:
    """Return the pull requests, newest first."""
    return seams.forge.list(state=state)


def show(seams: Seams, number: int) -> Shown:
    """Return one pull request with what it changes."""
    pull = seams.forge.get(number)
    return Shown(pull=pull, stat=_stat(seams, pull))


def _stat(seams: Seams, pull: PullRequest) -> str | None:
    repository = seams.repository
    head = pull.head_commit
    if repository.resolve(head) is None:
        return None
    if pull.merge_commit is not None:
        fork = repository.resolve(f"{pull.merge_commit}^1")
        head = pull.merge_commit
    else:
        fork = repository.merge_base(repository.base(pull.change.base), head)
    return None if fork is None else repository.diffstat(fork, head)


def propose(
    seams: Seams,
    *,
    head: str | None,
    title: str | None,
    body: str,
    author: str,
    recheck: Recheck | None,
) -> PullRequest:
    """Open the pull request of a pushed branch, or find it open; its gates are evaluated.

    Without ``head``: the branch that is checked out. Without ``title``: its last commit's subject.
    """
    repository = seams.repository
    head = (
        head or repository.run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1)).strip()
    )
    if not head:
        raise UsageError("no branch is checked out", hint="name one with --head BRANCH")
    if title is None:
        repository.fetch()
        tip = repository.resolve(repository.local(f"refs/heads/{head}"))
        title = repository.log(tip, limit=1)[0].subject if tip else head
    change = Change(head=head, base=seams.branch, title=title, body=body)
    return _checked(seams, seams.forge.open(change, author=author), recheck)


def approve(
    seams: Seams, number: int, *, by: str, seen: str | None, recheck: Recheck | None
) -> PullRequest:
    """Approve the present head as ``by``; then evaluate the gates, one of which may count it.

    ``seen``: the commit that was looked at, whole or its start; RaceLost when it is the head no
    longer. Raises NotAllowed for the author.
    """
    pull = seams.forge.get(number)
    if seen is not None and not pull.head_commit.startswith(seen):
        raise RaceLost(
            f"{pull.change.head} is at {pull.head_commit[:12]}, not at {seen[:12]}",
            hint=f"`mlgitops pulls show {number}` shows what is proposed now",
        )
    approved = seams.forge.approve(number, by=by, expect_head=pull.head_commit)
    return _checked(seams, approved, recheck)


def merge(seams: Seams, number: int, *, by: str, recheck: Recheck | None) -> Merging:
    """Evaluate the gates, publish what they say, and merge exactly what they were asked about."""
    pull = seams.forge.get(number)
    _checked(seams, pull, recheck)
    # The head that was evaluated, not the one that may have been pushed meanwhile.
    return seams.forge.merge(number, expect_head=pull.head_commit, by=by)


def close(seams: Seams, number: int, *, by: str) -> PullRequest:
    """Close without merging: what was proposed is rejected."""
    return seams.forge.close(number, by=by)


def _checked(seams: Seams, pull: PullRequest, recheck: Recheck | None) -> PullRequest:
    if recheck is None or pull.state != "open":
        return pull
    return seams.forge.check(pull.number, recheck(pull), commit=pull.head_commit)
