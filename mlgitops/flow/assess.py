"""Assess one promotion: gather the evidence, ask the gates, derive the files it would commit.

``promote`` proposes what this returns and ``verify`` compares what was proposed with it, so that
no number in a pull request is believed because somebody wrote it there.
"""

from __future__ import annotations

from mlgitops.core import gates as gates_
from mlgitops.core.digests import Digest, document
from mlgitops.core.errors import UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.gates import Comparison, Evidence, GateResult
from mlgitops.core.pins import hold_bytes, hold_path, pin_bytes, pin_path, rendered_folder
from mlgitops.core.promotions import (
    Action,
    Assessment,
    Pinned,
    Promotion,
    policy_digest,
    record,
    record_path,
    recorded,
)
from mlgitops.core.releases import Release
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.models import Gate
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.compare import compare, look_at, signature_breaks
from mlgitops.flow.provenance import provenance_of, trusted
from mlgitops.flow.releases import releases
from mlgitops.flow.render import manifests_of
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import model_of


def environment_of(workspace: Workspace, name: str) -> Located[Environment]:
    """Return an environment; UsageError with a did-you-mean when there is none."""
    found = workspace.environments.get(name)
    if found is None:
        known = sorted(workspace.environments)
        raise UsageError(
            f"there is no environment {name!r}",
            hint=did_you_mean(name, known) or f"there are: {', '.join(known)}",
        )
    return found


def live_release(
    seams: Seams, workspace: Workspace, environment: str, model: str
) -> Release | None:
    """Return the release that the environment's pin names, or None when nothing is pinned.

    Raises UsageError when the pin names a release that is not known here.
    """
    pin = workspace.pins.get((environment, model))
    if pin is None:
        return None
    for one in releases(seams.repository, model):
        if str(one.version) == pin.spec.version:
            return one
    raise UsageError(
        f"{environment} pins {model} {pin.spec.version}, and no tag of that release is here",
        hint="git fetch --tags",
        at=pin.mark("version"),
    )


def assess(
    seams: Seams,
    workspace: Workspace,
    environment: str,
    candidate: Release,
    *,
    action: Action = "promote",
    reason: str | None = None,
    held_by: str | None = None,
    scored: Digest | None = None,
) -> Assessment:
    """Return the assessment of moving ``environment`` to ``candidate``, by the policy given here.

    ``workspace`` is the base's: gates, templates and the live pin are read from it, never from the
    proposed change. ``reason`` and ``held_by`` are the hold's, for a rollback. ``scored`` names the
    live model's predictions that a record was made with: they are checked, then used again.
    """
    env = environment_of(workspace, environment)
    model = model_of(workspace, candidate.model)
    live = live_release(seams, workspace, environment, candidate.model)
    promotion = Promotion(
        action=action,
        environment=environment,
        model=candidate.model,
        before=Pinned(version=live.version, digest=live.digest) if live else None,
        after=Pinned(version=candidate.version, digest=candidate.digest),
        policy=policy_digest(workspace.tree, environment, model.path, trusted(workspace)),
        renderer=workspace.project.spec.renderer,
    )
    comparison, results = None, _bytes_here(seams, candidate)
    wanted = gates_.applying([*env.spec.gates, *model.spec.gates], candidate.model)
    if action == "promote":
        comparison, asked = _gates(seams, workspace, candidate, live, wanted, scored)
        results += (*asked, _previous(workspace, env, candidate), _hold(workspace, env, candidate))
    else:
        # How good it is was asked when it came; who made it is asked each time.
        again = tuple(gate for gate in wanted if gate.provenance is not None)
        asked = _gates(seams, workspace, candidate, None, again, None)[1]
        results += (_ran_before(workspace, environment, candidate), *asked)
    results += gates_.window(env.spec.windows, action)
    pin = pin_bytes(candidate.model, str(candidate.version), candidate.digest)
    files: dict[str, bytes | None] = {pin_path(environment, candidate.model): pin}
    files.update(_rendered(seams, workspace, env, candidate))
    kept = record_path(promotion, _number(workspace, promotion))
    files[kept] = document(record(promotion, results, comparison))
    if action == "rollback":
        by = held_by or seams.repository.person()
        held = hold_bytes(candidate.model, reason=reason or "rolled back", by=by)
        files[hold_path(environment, candidate.model)] = held
    return Assessment(
        promotion=promotion,
        candidate=candidate,
        live=live,
        results=results,
        comparison=comparison,
        files=files,
        record=kept,
        reason=reason,
    )


def _gates(
    seams: Seams,
    workspace: Workspace,
    candidate: Release,
    live: Release | None,
    wanted: tuple[Gate, ...],
    scored: Digest | None,
) -> tuple[Comparison | None, tuple[GateResult, ...]]:
    comparison = None
    breaks: tuple[str, ...] = ()
    if live is not None:
        breaks = signature_breaks(seams, live.document, candidate.document)
        comparison = compare(
            seams,
            candidate.document,
            live.document,
            wanted,
            scored,
            look=look_at(seams, candidate, live),
        )
    evidence = Evidence(
        candidate=candidate.document,
        live=live.document if live else None,
        comparison=comparison,
        signature_breaks=breaks,
        provenance=provenance_of(seams, candidate, trusted(workspace))
        if any(gate.provenance is not None for gate in wanted)
        else None,
    )
    return comparison, tuple(gates_.evaluate(gate, evidence) for gate in wanted)


def _bytes_here(seams: Seams, candidate: Release) -> tuple[GateResult, ...]:
    """A pin must never point at bytes that nobody can fetch."""
    wanted = candidate.document.blobs
    missing = sorted(name for name, digest in wanted.items() if not seams.store.has(digest))
    if missing:
        return (
            GateResult(
                gate="artifact present", state="fail", detail=f"missing: {', '.join(missing)}"
            ),
        )
    detail = f"{len(wanted)} blobs by digest"
    return (GateResult(gate="artifact present", state="pass", detail=detail),)


def _ran_before(workspace: Workspace, environment: str, candidate: Release) -> GateResult:
    """A rollback asks no gate on quality, so it may only bring back what passed them here once."""
    folder = f"environments/{environment}/records/{candidate.model}"
    for path in sorted(workspace.tree.paths(folder)):
        if recorded(workspace.tree.read(path) or b"") == candidate.digest:
            detail = f"by {path.rpartition('/')[2]}"
            return GateResult(gate="ran here before", state="pass", detail=detail)
    detail = f"no record says that {candidate.version} ran in {environment}: promote it instead"
    return GateResult(gate="ran here before", state="fail", detail=detail)


def _previous(workspace: Workspace, env: Located[Environment], candidate: Release) -> GateResult:
    before = env.spec.after
    if not before:
        return GateResult(
            gate="previous environment",
            kind="previous",
            state="not applicable",
            detail="the first environment",
        )
    there: list[str] = []
    for name in before:
        pin = workspace.pins.get((name, candidate.model))
        if pin is not None and pin.spec.digest == candidate.digest:
            there.append(name)
    enough = set(there) == set(before) if env.spec.require == "all" else bool(there)
    lacking = [name for name in before if name not in there]
    return GateResult(
        gate="previous environment",
        kind="previous",
        state="pass" if enough else "fail",
        detail=f"runs in {', '.join(there)}"
        if enough
        else f"{candidate.version} does not run in {', '.join(lacking)}",
    )


def _hold(workspace: Workspace, env: Located[Environment], candidate: Release) -> GateResult:
    hold = workspace.holds.get((env.spec.name, candidate.model))
    if hold is None:
        return GateResult(gate="no hold", kind="active", state="pass", detail="nobody holds it")
    return GateResult(
        gate="no hold",
        kind="active",
        state="fail",
        detail=f"held by {hold.spec.by}: {hold.spec.reason}",
    )


def _number(workspace: Workspace, promotion: Promotion) -> int:
    folder = f"environments/{promotion.environment}/records/{promotion.model}"
    return len(list(workspace.tree.paths(folder))) + 1


def _rendered(
    seams: Seams, workspace: Workspace, env: Located[Environment], candidate: Release
) -> dict[str, bytes | None]:
    fresh: dict[str, bytes | None] = dict(
        manifests_of(workspace, seams.targets, env.spec.name, candidate.document)
    )
    for path in workspace.tree.paths(rendered_folder(env.spec.name, candidate.model)):
        fresh.setdefault(path, None)
    same = [path for path, data in fresh.items() if workspace.tree.read(path) == data]
    return {path: data for path, data in fresh.items() if path not in same}
