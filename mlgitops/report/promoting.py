"""What a promotion, rollback or hold came to: text for people, JSON for programs."""

from __future__ import annotations

from typing import assert_never

from mlgitops.core.digests import JSON
from mlgitops.core.promotions import Assessment
from mlgitops.flow.promote import AlreadyThere, GateRefused, Opened, Promoted, Waits


def text(outcome: Promoted) -> str:
    """Return the outcome in words, the gates with it."""
    match outcome:
        case Opened(assessment=assessment, pull=pull, wrote=wrote):
            verb = "opened" if wrote else "is open already, nothing changed"
            lines = [f"#{pull.number} {pull.change.title}: {verb}", *_gates(assessment)]
            for check in pull.checks:
                lines.append(f"  check {check.name}: {check.state} ({check.detail})")
            return "\n".join([*lines, f"look: mlgitops pulls show {pull.number}"])
        case AlreadyThere(environment=environment, model=model, version=version):
            return f"{environment} runs {model} {version} already: nothing to do"
        case GateRefused(assessment=assessment):
            promotion = assessment.promotion
            head = f"refused: {promotion.title}; a gate failed, no pull request was opened"
            return "\n".join([head, *_gates(assessment)])
        case Waits(environment=environment, model=model, reason=reason):
            return f"{model} to {environment} waits: {reason}"
        case _:
            assert_never(outcome)


def _gates(assessment: Assessment) -> list[str]:
    marks = {"pass": "✓", "not applicable": "–", "waiting": "…"}
    width = max(len(result.gate) for result in assessment.results)
    return [
        f"  {marks.get(result.state, '✗')} {result.gate:<{width}}  {result.state}: {result.detail}"
        for result in assessment.results
    ]


def to_json(outcome: Promoted) -> dict[str, JSON]:
    """Return the outcome as JSON."""
    match outcome:
        case Opened(assessment=assessment, pull=pull, wrote=wrote):
            return {
                "outcome": "open",
                "changed": wrote,
                "pull": pull.number,
                "url": pull.url,
                **_promotion(assessment),
            }
        case AlreadyThere(environment=environment, model=model, version=version):
            return {
                "outcome": "already there",
                "environment": environment,
                "model": model,
                "version": str(version),
            }
        case GateRefused(assessment=assessment):
            return {"outcome": "refused", **_promotion(assessment)}
        case Waits(environment=environment, model=model, reason=reason, pull=pull):
            return {
                "outcome": "waits",
                "environment": environment,
                "model": model,
                "because": reason,
                "pull": pull.number if pull else None,
            }
        case _:
            assert_never(outcome)


def _promotion(assessment: Assessment) -> dict[str, JSON]:
    promotion = assessment.promotion
    return {
        "environment": promotion.environment,
        "model": promotion.model,
        "from": promotion.before.to_json() if promotion.before else None,
        "to": promotion.after.to_json(),
        "state": assessment.state,
        "gates": [result.to_json() for result in assessment.results],
        "comparison": assessment.comparison.to_json() if assessment.comparison else None,
    }


def exit_code(outcome: Promoted) -> int:
    """Return 0 done, 1 refused by a gate, 4 when a person has to decide."""
    match outcome:
        case Opened(assessment=assessment):
            return 4 if assessment.state == "inconclusive" else 0
        case AlreadyThere():
            return 0
        case GateRefused():
            return 1
        case Waits():
            return 4
        case _:
            assert_never(outcome)
