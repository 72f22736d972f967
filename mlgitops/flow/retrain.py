"""Retrain: open or update the pull request that moves a pipeline to new data.

Level-triggered: what to do follows from the base branch, the sources and the open pull request.
Nothing of the caller's checkout is touched: the sources run in an export of the base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from mlgitops.core.errors import UsageError
from mlgitops.core.retrainings import Moved, Retraining, branch_name
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Snapshot
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.trees import MemoryTree
from mlgitops.core.watches import KIND, Told, told
from mlgitops.core.workspaces import Workspace, load
from mlgitops.files import WorkTree
from mlgitops.flow import ledger
from mlgitops.flow.checkout import Node
from mlgitops.flow.checks import checks_for
from mlgitops.flow.proposals import (
    TOOL,
    HandsOff,
    Proposal,
    Proposed,
    Queued,
    Rejected,
    propose,
)
from mlgitops.flow.refresh import same_pin, snapshot, sources
from mlgitops.flow.seams import Seams
from mlgitops.flow.snapshots import iso, pin_path
from mlgitops.flow.workspaces import model_of, require
from mlgitops.forge import PullRequest
from mlgitops.git import Repository

Taken: TypeAlias = "Mapping[str, tuple[Snapshot, bytes]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The pull request proposes the data; ``wrote`` is false when it did so before."""

    retraining: Retraining
    pull: PullRequest
    wrote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingNew:
    """Every source gives what is pinned already."""

    pipeline: str
    as_of: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """There is new data, and a person has to act first."""

    retraining: Retraining
    pull: PullRequest | None
    reason: str


Retrained: TypeAlias = "Opened | NothingNew | Waits"


def retrain(
    seams: Seams,
    model: str,
    *,
    page: Callable[[Retraining], str],
    as_of: datetime | None = None,
    reason: str | None = None,
) -> Retrained:
    """Propose the data known at ``as_of`` (now by default) to the pipeline of ``model``.

    ``page`` writes the body of the pull request. Raises UsageError when the pipeline has no source
    or holds newer data already, StepFailed when a source fails.
    """
    seams.repository.fetch()
    base = seams.repository.base(seams.branch)
    workspace = require(seams.repository.tree(base))
    pipeline = workspace.pipelines[model_of(workspace, model).spec.pipeline]
    moment = (as_of or seams.clock()).astimezone(UTC)
    _refuse_older(workspace, pipeline, moment)
    taken = _take(seams, base, pipeline, moment)
    standing = seams.forge.find(head=branch_name(pipeline.spec.name), base=seams.branch)
    before = _proposed(seams, standing)
    moved, files = _moved(workspace, pipeline, taken, before)
    if not moved:
        return NothingNew(
            pipeline=pipeline.spec.name, as_of=iso(moment), sources=tuple(sorted(taken))
        )
    retraining = Retraining(
        pipeline=pipeline.spec.name,
        model=model,
        moved=moved,
        told=last_told(seams.repository, model),
        asked=reason,
    )
    changed = [path for path, data in files.items() if before.get(path) != data]
    proposal = Proposal(
        branch=retraining.branch,
        title=retraining.title,
        body=page(retraining),
        labels=("mlgitops", "data", f"model:{model}"[:50]),
        files=files,
        # A person who closed this pull request rejected the data in it, and no other data.
        subject=next(iter(changed or files)),
        message=retraining.message,
        supersede="queue",
    )
    return _offer(seams, proposal, retraining, base)


def last_told(repository: Repository, model: str) -> Told | None:
    """Return the newest recorded verdict on ``model`` in any environment, as last fetched."""
    for record in reversed(ledger.read(repository, KIND)):
        found = told(record.body, record.at)
        if found is not None and found.model == model:
            return found
    return None


def _refuse_older(workspace: Workspace, pipeline: Located[Pipeline], moment: datetime) -> None:
    names = sources(workspace, pipeline.spec.name)
    if not names:
        raise UsageError(
            f"pipeline {pipeline.spec.name} has no source that could bring in new data",
            hint="give its first step a `source:` of type python in pipeline.yaml",
        )
    for name in names:
        pinned = workspace.snapshots.get((pipeline.spec.name, name))
        if pinned is not None and moment < _instant(pinned.spec.as_of):
            raise UsageError(
                f"{name} is pinned as of {pinned.spec.as_of}, and {iso(moment)} is before that",
                hint="retraining moves forward; to go back, revert the commit that moved the pin",
                at=pinned.mark("as_of"),
            )


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _take(seams: Seams, base: str, pipeline: Located[Pipeline], moment: datetime) -> Taken:
    """Return each source's snapshot and its file's bytes; the rows are in the store by then."""
    with seams.store.scratch() as scratch:
        root = scratch / "tree"
        root.mkdir()
        seams.repository.export(base, root)
        workspace = require(WorkTree(root))
        return {
            name: snapshot(seams, workspace, root, pipeline.spec.name, name, iso(moment))
            for name in sources(workspace, pipeline.spec.name)
        }


def _proposed(seams: Seams, pull: PullRequest | None) -> Mapping[str, bytes]:
    """Return the snapshot files of a pull request that is open, or that a person closed."""
    if pull is None or pull.state == "merged" or pull.closed_by == TOOL:
        return {}
    repository = seams.repository
    if repository.resolve(pull.head_commit) is None:
        return {}
    tree = repository.tree(pull.head_commit)
    paths = [path for path in tree.paths("pipelines") if "/snapshots/" in path]
    return {path: tree.read(path) or b"" for path in paths}


def _moved(
    workspace: Workspace, pipeline: Located[Pipeline], taken: Taken, before: Mapping[str, bytes]
) -> tuple[tuple[Moved, ...], dict[str, bytes | None]]:
    """Return what is new against the base, in the words of ``before`` where that says the same.

    Taken a minute later, the same rows have another as-of time: that is no other proposal.
    """
    known = load(MemoryTree(dict(before))).draft.snapshots
    standing = {one.path: one.spec for one in known}
    moved, files = [], dict[str, bytes | None]()
    for name, (fresh, data) in taken.items():
        pinned = workspace.snapshots.get((pipeline.spec.name, name))
        old = pinned.spec if pinned is not None else None
        if old is not None and same_pin(old, fresh):
            continue
        path = pin_path(Node(pipeline=pipeline, step=pipeline.spec.step(name)))
        proposed = standing.get(path)
        if proposed is not None and same_pin(proposed, fresh):
            fresh, data = proposed, before[path]
        moved.append(Moved(source=name, before=old, after=fresh))
        files[path] = data
    return tuple(moved), files


def _offer(seams: Seams, proposal: Proposal, retraining: Retraining, base: str) -> Retrained:
    outcome = propose(seams, proposal, base)
    match outcome:
        case Proposed(pull=pull, wrote=wrote):
            checks = checks_for(seams, pull)
            checked = seams.forge.check(pull.number, checks, commit=pull.head_commit)
            return Opened(retraining=retraining, pull=checked, wrote=wrote)
        case Rejected(pull=pull):
            reason = (
                f"{pull.closed_by} closed #{pull.number} with the same data; newer data will be"
                " offered"
            )
            return Waits(retraining=retraining, pull=pull, reason=reason)
        case HandsOff(pull=pull, commit=commit):
            reason = f"{proposal.branch} holds a commit of a person ({commit[:12]}); not touched"
            return Waits(retraining=retraining, pull=pull, reason=reason)
        case Queued(pull=pull):
            reason = f"#{pull.number} is approved already; the newer data waits for it"
            return Waits(retraining=retraining, pull=pull, reason=reason)
