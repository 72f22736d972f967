"""The checks of a pull request, recomputed from its head and the base. Their names never change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mlgitops.core import gates
from mlgitops.core.comparing import differences
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import Finding
from mlgitops.core.gates import GateResult
from mlgitops.core.promotions import Action, Assessment, parse_branch
from mlgitops.core.workspaces import Workspace, load
from mlgitops.flow.assess import assess
from mlgitops.flow.policy import mixed, moves
from mlgitops.flow.provenance import trusted
from mlgitops.flow.recompute import recompute, recorded_predictions
from mlgitops.flow.releases import release
from mlgitops.flow.render import manifests
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require
from mlgitops.forge import Check, CheckState, PullRequest

RENDER: Final = "mlgitops/render"
METRICS: Final = "mlgitops/metrics"
PREVIOUS: Final = "mlgitops/previous-env"
POLICY: Final = "mlgitops/policy"
GATES: Final = "mlgitops/gates"

_DERIVED = "derived just now; computed again from the predictions at the merge"
_ALONE = "no rule changes together with what it decides"
_AGAIN = "run `mlgitops promote` again: it derives the files from the tip of the base"


def checks_for(
    seams: Seams, pull: PullRequest, *, known: Assessment | None = None
) -> dict[str, Check]:
    """Return every check of ``pull`` on its present head.

    ``known``: the assessment that this process has just derived the head from, so that opening a
    pull request does not do the same work twice. Whoever merges passes none.
    """
    named = parse_branch(pull.change.head)
    if named is None:
        return _other(seams, pull)
    action, environment, model = named
    seams.repository.fetch()
    base = require(seams.repository.tree(seams.repository.base(seams.branch)))
    head = seams.repository.tree(pull.head_commit)
    try:
        assessment = known or _assessed(seams, base, pull, action, environment, model)
    except MlgitopsError as error:
        # A gate that cannot be evaluated is an error, and an error is never a pass.
        return _all(pull, "failure", f"cannot be evaluated: {error.message}")
    rendered = f"environments/{environment}/rendered/"
    derived = list(differences(RENDER, assessment.files, head, hint=_AGAIN))
    changed = set(seams.repository.changed(_fork(seams, pull), pull.head_commit))
    extra = sorted(changed - set(assessment.files))
    policy = [*mixed(changed, environment=environment)]
    metrics = [f for f in derived if not f.at.path.startswith(rendered)]
    if known is None and action == "promote":
        by = trusted(base)
        told = recompute(seams, assessment.candidate, by)
        metrics += [finding for finding in told if finding.severity == "error"]
    previous = [r for r in assessment.results if r.kind == "previous"]
    return {
        RENDER: _check(RENDER, [f for f in derived if f.at.path.startswith(rendered)], extra),
        METRICS: _check(METRICS, metrics, [], "recomputed, equal" if known is None else _DERIVED),
        PREVIOUS: _of_results(PREVIOUS, previous),
        POLICY: _check(POLICY, policy, [], _ALONE),
        GATES: _of_results(
            GATES, [*assessment.results, *approvals(base, pull, action, environment)]
        ),
    }


def approvals(
    base: Workspace, pull: PullRequest, action: Action, environment: str
) -> tuple[GateResult, ...]:
    """Return what the environment's rules on approvals say of the present head."""
    rule = base.environments[environment].spec.approvals
    needed = rule.rollback if action == "rollback" else rule.count
    asked = () if action == "rollback" else gates.teams(rule.teams)
    who = pull.approvers()
    detail = f"{len(who)} of {needed}" + (f" ({', '.join(who)})" if who else "")
    state: gates.State = "pass" if len(who) >= needed else "waiting"
    if needed == 0:
        state, detail = "not applicable", "none asked for"
    return GateResult(gate="approval", state=state, detail=detail), *asked


def _assessed(
    seams: Seams,
    base: Workspace,
    pull: PullRequest,
    action: Action,
    environment: str,
    model: str,
) -> Assessment:
    """Derive again what the head claims: which version it pins is all that is taken from it."""
    head = load(seams.repository.tree(pull.head_commit)).workspace
    pin = head.pins.get((environment, model)) if head is not None else None
    if head is None or pin is None:
        raise MlgitopsError(f"{pull.change.head} holds no readable pin of {model}")
    candidate = release(seams.repository, model, pin.spec.version)
    hold = head.holds.get((environment, model))
    return assess(
        seams,
        base,
        environment,
        candidate,
        action=action,
        reason=hold.spec.reason if hold else None,
        held_by=hold.spec.by if hold else None,
        scored=recorded_predictions(head.tree, environment, model),
    )


def _other(seams: Seams, pull: PullRequest) -> dict[str, Check]:
    """Checks of a pull request that promotes nothing: specs, data, code."""
    head = load(seams.repository.tree(pull.head_commit))
    findings = [f for f in head.findings if f.severity == "error"]
    changed = set(seams.repository.changed(_fork(seams, pull), pull.head_commit))
    findings += moves(changed)
    rendered: list[Finding] = []
    if head.workspace is not None:
        expected = manifests(head.workspace, seams.targets)
        rendered += differences(RENDER, expected, head.workspace.tree, hint="mlgitops render")
    nothing = Check(name=METRICS, state="success", detail="not applicable: promotes nothing")
    return {
        RENDER: _check(RENDER, rendered, []),
        METRICS: nothing,
        PREVIOUS: Check(name=PREVIOUS, state="success", detail=nothing.detail),
        POLICY: _check(POLICY, [*findings, *mixed(changed, environment=None)], [], _ALONE),
        GATES: Check(
            name=GATES,
            state="failure" if findings else "success",
            detail=f"{findings[0].at}: {findings[0].message}" if findings else nothing.detail,
        ),
    }


def _fork(seams: Seams, pull: PullRequest) -> str:
    base = seams.repository.base(seams.branch)
    return seams.repository.merge_base(base, pull.head_commit) or base


def _check(
    name: str, findings: Iterable[Finding], extra: list[str], good: str = "recomputed, equal"
) -> Check:
    problems = [f"{f.at}: {f.message}" for f in findings]
    problems += [f"{path}: no part of this promotion" for path in extra]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return Check(name=name, state="failure", detail=problems[0] + more)
    return Check(name=name, state="success", detail=good)


def _of_results(name: str, results: Iterable[GateResult]) -> Check:
    listed = list(results)
    state = gates.overall(listed)
    telling = [r for r in listed if r.state == state] if state != "pass" else []
    passed = sum(1 for r in listed if r.state == "pass")
    good = (
        "1 gate passes" if passed == 1 else f"{passed} gates pass" if passed else "not applicable"
    )
    detail = "; ".join(f"{r.gate}: {r.detail}" for r in telling) or good
    return Check(name=name, state=gates.check_state(state), detail=detail)


def _all(pull: PullRequest, state: CheckState, detail: str) -> dict[str, Check]:
    del pull
    names = (RENDER, METRICS, PREVIOUS, POLICY, GATES)
    return {name: Check(name=name, state=state, detail=detail) for name in names}
