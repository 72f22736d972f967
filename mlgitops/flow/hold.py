"""Hold and unhold: stop promotions of a model into an environment, by pull request."""

from __future__ import annotations

from mlgitops.core.digests import of_value
from mlgitops.core.markdown import inert
from mlgitops.core.pins import hold_bytes, hold_path, reason_of
from mlgitops.flow.assess import environment_of
from mlgitops.flow.checks import checks_for
from mlgitops.flow.proposals import TRAILER, Outcome, Proposal, Proposed, propose
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import model_of, require


def hold(seams: Seams, model: str, environment: str, reason: str) -> Outcome | None:
    """Open the pull request that holds ``model`` there; None when it is held already."""
    return _propose(seams, model, environment, reason_of(reason))


def unhold(seams: Seams, model: str, environment: str) -> Outcome | None:
    """Open the pull request that lifts the hold; None when nobody holds it."""
    return _propose(seams, model, environment, None)


def _propose(seams: Seams, model: str, environment: str, reason: str | None) -> Outcome | None:
    seams.repository.fetch()
    base = seams.repository.base(seams.branch)
    workspace = require(seams.repository.tree(base))
    environment_of(workspace, environment)
    model_of(workspace, model)
    held = (environment, model) in workspace.holds
    if held == (reason is not None):
        return None
    verb = "unhold" if reason is None else "hold"
    path = hold_path(environment, model)
    title = f"{verb}({environment}): {model}"
    fingerprint = of_value([verb, environment, model, reason])
    why = "Promotions are allowed again." if reason is None else f"Why: {inert(reason)}"
    data = (
        None if reason is None else hold_bytes(model, reason=reason, by=seams.repository.person())
    )
    proposal = Proposal(
        branch=f"mlgitops/{verb}/{environment}/{model}",
        title=title,
        body=f"{why}\n\nWhile `{path}` is there, no promotion of {model} into {environment} "
        "passes its gates; a rollback does.\n",
        labels=("mlgitops", "hold", f"env:{environment}"),
        files={path: data},
        subject=path,
        message=f"{title}\n\n{TRAILER}: {fingerprint}\n",
    )
    outcome = propose(seams, proposal, base)
    if isinstance(outcome, Proposed):
        pull = outcome.pull
        seams.forge.check(pull.number, checks_for(seams, pull), commit=pull.head_commit)
    return outcome
