"""Propose a change by pull request: find or create, in an order that may be killed anywhere.

The order of effects is objects, branch (with a lease), pull request. Each one is found before it
is made, so the next call repairs what an interrupted one left, and a steady state writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mlgitops.core.errors import RaceLost
from mlgitops.flow.seams import Seams
from mlgitops.forge import Change, PullRequest
from mlgitops.git import Published, RefUpdate

_ATTEMPTS: Final = 8
TRAILER: Final = "Mlgitops-Fingerprint"
TOOL: Final = "mlgitops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to propose. ``files``: path to new bytes, None deletes.

    ``subject``: the file that says what is proposed; a person who closed a pull request with the
    same bytes in it has rejected this one. ``message`` carries the fingerprint trailer, by which
    the tool knows its own commits.
    """

    branch: str
    title: str
    body: str
    labels: tuple[str, ...]
    files: Mapping[str, bytes | None]
    subject: str
    message: str
    supersede: Literal["queue", "replace"] = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The pull request is open and says what was asked; ``wrote``: something was changed."""

    pull: PullRequest
    wrote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A person closed the same proposal without merging it."""

    pull: PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class HandsOff:
    """A person put commits on the branch; the tool does not overwrite them."""

    pull: PullRequest | None
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An older proposal is approved already; this one waits until it is merged or closed."""

    pull: PullRequest


Outcome: TypeAlias = "Proposed | Rejected | HandsOff | Queued"


def propose(seams: Seams, proposal: Proposal, base: str) -> Outcome:
    """Make the pull request of ``proposal`` on top of the commit ``base``, or find it made.

    Raises RaceLost when others kept moving the branch, NotAllowed when the push is refused.
    """
    seams.store.flush()
    repository = seams.repository
    ref = f"refs/heads/{proposal.branch}"
    for _ in range(_ATTEMPTS):
        pull = seams.forge.find(head=proposal.branch, base=seams.branch)
        tip = repository.remote_refs([ref]).get(ref)
        standing = _standing(seams, proposal, pull, tip)
        if standing is not None:
            return standing
        pushed = False
        if tip is None or not _same(seams, proposal, tip, base):
            commit = repository.commit(base, proposal.files, proposal.message)
            answer = repository.publish([RefUpdate(ref=ref, old=tip, new=commit)])
            if not isinstance(answer, Published):
                repository.fetch()
                continue
            pushed = True
        return _open(seams, proposal, pull, pushed)
    raise RaceLost(
        f"{proposal.branch} was moved by others {_ATTEMPTS} times in a row",
        hint="run the command again",
    )


def _standing(
    seams: Seams, proposal: Proposal, pull: PullRequest | None, tip: str | None
) -> Rejected | HandsOff | Queued | None:
    """Return why nothing may be done, or None."""
    repository = seams.repository
    if pull is not None and pull.state == "closed" and pull.closed_by != TOOL:
        if _says_the_same(seams, proposal, pull.head_commit):
            return Rejected(pull=pull)
        return None
    if tip is None or pull is None or pull.state != "open":
        return None
    if repository.resolve(tip) is None:
        repository.fetch()
    if f"{TRAILER}:" not in repository.log(tip, limit=1)[0].body:
        return HandsOff(pull=pull, commit=tip)
    if proposal.supersede == "queue" and pull.approvers():
        return None if _says_the_same(seams, proposal, tip) else Queued(pull=pull)
    return None


def _says_the_same(seams: Seams, proposal: Proposal, commit: str) -> bool:
    if seams.repository.resolve(commit) is None:
        return False
    return seams.repository.tree(commit).read(proposal.subject) == proposal.files[proposal.subject]


def _same(seams: Seams, proposal: Proposal, tip: str, base: str) -> bool:
    """Return whether ``tip`` is this proposal already, on a base that did not move under it.

    A base that moved elsewhere is left alone: rebuilding would dismiss approvals for nothing.
    """
    repository = seams.repository
    if repository.resolve(tip) is None:
        repository.fetch()
    fork = repository.merge_base(tip, base)
    if fork is None or set(repository.changed(fork, tip)) != set(proposal.files):
        return False
    tree = repository.tree(tip)
    if any(tree.read(path) != data for path, data in proposal.files.items()):
        return False
    return not set(repository.changed(fork, base)) & set(proposal.files)


def _open(seams: Seams, proposal: Proposal, pull: PullRequest | None, pushed: bool) -> Proposed:
    change = Change(
        head=proposal.branch,
        base=seams.branch,
        title=proposal.title,
        body=proposal.body,
        labels=proposal.labels,
    )
    if pull is not None and pull.state == "open":
        fresh = seams.forge.update(pull.number, change)
        return Proposed(pull=fresh, wrote=pushed or fresh.change != pull.change)
    author = seams.repository.person()
    return Proposed(pull=seams.forge.open(change, author=author), wrote=True)
