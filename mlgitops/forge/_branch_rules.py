"""What a base branch asks before something is merged into it, and what is still missing."""

from __future__ import annotations

from mlgitops.core.errors import SpecError
from mlgitops.core.sources import parse
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.projects import BranchRules, Project
from mlgitops.forge import NotReady, PullRequest, Waiting

PATH = "mlgitops.yaml"


def rules_in(text: bytes | None) -> BranchRules:
    """Return the rules that ``mlgitops.yaml`` states; the defaults where there is no such file.

    Raises SpecError when it cannot be read: rules that nobody can read are not met.
    """
    if text is None:
        return BranchRules()
    documents = parse(text, PATH)
    found = read_spec(documents[0], Project) if documents else ()
    if isinstance(found, Located):
        return found.spec.forge.rules
    problem = found[0].message if found else "the file is empty"
    raise SpecError(f"{PATH} cannot be read: {problem}")


def missing(pull: PullRequest, rules: BranchRules) -> Waiting | NotReady | None:
    """Return, in words, every rule that the present head of ``pull`` does not meet yet."""
    at = pull.head_commit[:12]
    reasons = []
    known = {check.name: check for check in pull.checks}
    for name in rules.checks:
        check = known.get(name)
        if check is None:
            reasons.append(f"the check {name} has not run on {at}")
        elif check.state != "success":
            detail = f" ({check.detail})" if check.detail else ""
            reasons.append(f"the check {name} is {check.state}{detail}")
    who = pull.approvers()
    if len(who) < rules.approvals:
        given = f"{len(who)} ({', '.join(who)})" if who else "none"
        needed = f"{rules.approvals} approval{'s' if rules.approvals > 1 else ''}"
        reasons.append(f"{at} needs {needed}, and has {given}")
    if not reasons:
        return None
    failed = any(name in known and known[name].state == "failure" for name in rules.checks)
    reason = "; ".join(reasons)
    return NotReady(reason=reason) if failed else Waiting(reason=reason)
