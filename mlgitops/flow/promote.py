"""Promote: open or update the pull request that moves a model into an environment.

Level-triggered: what to do follows from the base branch, the tags, the store and the open pull
requests, never from what an earlier call did. Nothing of the caller's checkout is touched.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TypeAlias

from mlgitops.core.errors import UsageError
from mlgitops.core.pins import rendered_folder
from mlgitops.core.promotions import Assessment, Page, commit_message
from mlgitops.core.releases import Release, Version, newest
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.assess import assess, environment_of
from mlgitops.flow.checks import checks_for
from mlgitops.flow.proposals import (
    HandsOff,
    Proposal,
    Proposed,
    Queued,
    Rejected,
    propose,
)
from mlgitops.flow.releases import release, releases
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import model_of, require
from mlgitops.forge import PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The pull request says what was assessed; ``wrote`` is false when it did so before."""

    assessment: Assessment
    pull: PullRequest
    wrote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyThere:
    """The environment is pinned to that release."""

    environment: str
    model: str
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRefused:
    """A gate failed: no pull request was opened."""

    assessment: Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Nothing is wrong; a person has to act first."""

    environment: str
    model: str
    reason: str
    pull: PullRequest | None = None


Promoted: TypeAlias = "Opened | AlreadyThere | GateRefused | Waits"


def promote(seams: Seams, model: str, environment: str, version: str | None = None) -> Promoted:
    """Open or update the pull request that moves ``model`` into ``environment``.

    Without ``version``: the release that runs in the environment before, or, for the first
    environment, the newest release.
    """
    seams.repository.fetch()
    base = seams.repository.base(seams.branch)
    workspace = require(seams.repository.tree(base))
    env = environment_of(workspace, environment)
    model_of(workspace, model)
    candidate = _candidate(seams, workspace, env, model, version)
    pin = workspace.pins.get((environment, model))
    if pin is not None and pin.spec.digest == candidate.digest:
        return AlreadyThere(environment=environment, model=model, version=candidate.version)
    seams.say(f"assessing {model} {candidate.version} for {environment} …")
    assessment = assess(seams, workspace, environment, candidate)
    if assessment.state in ("fail", "error"):
        return GateRefused(assessment=assessment)
    return offer(seams, workspace, env, assessment, base)


def promote_all(seams: Seams) -> tuple[Promoted, ...]:
    """Reconcile every model and every environment whose policy says ``promotion.auto``."""
    seams.repository.fetch()
    workspace = require(seams.repository.tree(seams.repository.base(seams.branch)))
    done: list[Promoted] = []
    for name, env in sorted(workspace.environments.items()):
        if not env.spec.promotion.auto:
            continue
        for model in sorted(workspace.models):
            try:
                done.append(promote(seams, model, name))
            except UsageError as error:
                # A model that nothing was released of yet is no reason to stop for the others.
                done.append(Waits(environment=name, model=model, reason=error.message))
    return tuple(done)


def offer(
    seams: Seams,
    workspace: Workspace,
    env: Located[Environment],
    assessment: Assessment,
    base: str,
) -> Promoted:
    """Propose an assessed promotion or rollback, and publish its checks."""
    promotion = assessment.promotion
    approvals = env.spec.approvals
    needed = approvals.rollback if promotion.action == "rollback" else approvals.count
    proposal = Proposal(
        branch=promotion.branch,
        title=promotion.title,
        body=seams.page(_page(workspace, assessment, needed)),
        labels=(
            "mlgitops",
            "rollback" if promotion.action == "rollback" else "promotion",
            f"env:{promotion.environment}",
            f"model:{promotion.model}"[:50],
        ),
        files=assessment.files,
        subject=next(iter(assessment.files)),
        message=commit_message(promotion, assessment.record),
        supersede=env.spec.promotion.supersede,
    )
    outcome = propose(seams, proposal, base)
    names = {"environment": promotion.environment, "model": promotion.model}
    match outcome:
        case Proposed(pull=pull, wrote=wrote):
            checks = checks_for(seams, pull, known=assessment)
            checked = seams.forge.check(pull.number, checks, commit=pull.head_commit)
            return Opened(assessment=assessment, pull=checked, wrote=wrote)
        case Rejected(pull=pull):
            reason = (
                f"{promotion.after.version} was rejected by {pull.closed_by} in #{pull.number}; "
                "a newer release will be offered"
            )
            return Waits(**names, reason=reason, pull=pull)
        case HandsOff(pull=pull, commit=commit):
            reason = f"{promotion.branch} holds a commit of a person ({commit[:12]}); not touched"
            return Waits(**names, reason=reason, pull=pull)
        case Queued(pull=pull):
            reason = f"#{pull.number} is approved already; {promotion.after.version} waits for it"
            return Waits(**names, reason=reason, pull=pull)


def _page(workspace: Workspace, assessment: Assessment, approvals: int) -> Page:
    promotion = assessment.promotion
    folder = rendered_folder(promotion.environment, promotion.model)
    diffs = {}
    for path, data in assessment.files.items():
        if path.startswith(f"{folder}/"):
            old = (workspace.tree.read(path) or b"").decode("utf-8", "replace").splitlines()
            new = (data or b"").decode("utf-8", "replace").splitlines()
            diffs[path] = "\n".join(difflib.unified_diff(old, new, lineterm="", n=1))
    journey = []
    for name in workspace.environments[promotion.environment].spec.after:
        pin = workspace.pins.get((name, promotion.model))
        journey.append((name, pin.spec.version if pin else "nothing"))
    return Page(assessment=assessment, diffs=diffs, approvals=approvals, journey=tuple(journey))


def _candidate(
    seams: Seams,
    workspace: Workspace,
    env: Located[Environment],
    model: str,
    version: str | None,
) -> Release:
    if version is not None:
        return release(seams.repository, model, version)
    if not env.spec.after:
        return release(seams.repository, model)
    pinned = {
        pin.spec.version
        for name in env.spec.after
        if (pin := workspace.pins.get((name, model))) is not None
    }
    found = newest(one for one in releases(seams.repository, model) if str(one.version) in pinned)
    if found is None:
        before = ", ".join(env.spec.after)
        raise UsageError(
            f"{model} does not run in {before} yet, and {env.spec.name} comes after it",
            hint=f"mlgitops promote {model} --to {env.spec.after[0]}",
        )
    return found
