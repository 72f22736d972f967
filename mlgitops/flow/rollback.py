"""Rollback: the pull request back to a version that ran here before, with a hold in it.

It skips the gates that ask for quality, never those that ask whether the bytes are there and what
the manifests say. The hold keeps the next promotion from undoing it.
"""

from __future__ import annotations

from mlgitops.core.errors import MlgitopsError, Refused, UsageError
from mlgitops.core.pins import pin_path, reason_of
from mlgitops.core.releases import Release
from mlgitops.core.sources import parse
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.assess import assess, environment_of, live_release
from mlgitops.flow.promote import AlreadyThere, GateRefused, Promoted, offer
from mlgitops.flow.releases import release
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import model_of, require


def rollback(
    seams: Seams, model: str, environment: str, *, to: str | None = None, reason: str
) -> Promoted:
    """Open the pull request that brings ``environment`` back to the version before.

    Without ``to``: the newest other version that was pinned there and whose bytes are present.
    """
    reason = reason_of(reason)
    seams.repository.fetch()
    base = seams.repository.base(seams.branch)
    workspace = require(seams.repository.tree(base))
    env = environment_of(workspace, environment)
    model_of(workspace, model)
    live = live_release(seams, workspace, environment, model)
    if live is None:
        raise UsageError(f"{environment} runs no {model}, so there is nothing to roll back")
    goal = _goal(seams, workspace, base, environment, live, to)
    if goal.digest == live.digest:
        return AlreadyThere(environment=environment, model=model, version=goal.version)
    assessment = assess(seams, workspace, environment, goal, action="rollback", reason=reason)
    if assessment.state in ("fail", "error"):
        return GateRefused(assessment=assessment)
    return offer(seams, workspace, env, assessment, base)


def _goal(
    seams: Seams,
    workspace: Workspace,
    base: str,
    environment: str,
    live: Release,
    to: str | None,
) -> Release:
    del workspace
    if to is not None:
        return release(seams.repository, live.model, to)
    unusable: list[str] = []
    for version in earlier_versions(seams, base, environment, live.model):
        if version == str(live.version):
            continue
        try:
            one = release(seams.repository, live.model, version)
        except MlgitopsError:
            unusable.append(f"{version} has no tag")
            continue
        if all(seams.store.has(digest) for digest in one.document.blobs.values()):
            return one
        unusable.append(f"the bytes of {version} are gone")
    raise Refused(
        f"no earlier version of {live.model} can run in {environment}"
        + (f": {'; '.join(unusable)}" if unusable else ": it ran none before"),
        hint="name one with --to VERSION, or release a mended model",
    )


def earlier_versions(seams: Seams, base: str, environment: str, model: str) -> tuple[str, ...]:
    """Return the versions that were pinned there, newest first, each once."""
    path = pin_path(environment, model)
    versions: list[str] = []
    for entry in seams.repository.log(base, path):
        data = seams.repository.tree(entry.commit).read(path)
        if data is None:
            continue
        value = parse(data, path)[0].value
        version = value.get("version") if isinstance(value, dict) else None
        if isinstance(version, str) and version not in versions:
            versions.append(version)
    return tuple(versions)
