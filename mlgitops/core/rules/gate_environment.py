"""A gate looks at an environment where the release has been before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.asked import Asked, gates
from mlgitops.core.drafts import Draft, folder
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.graphs import reachable

RULE: Final = "gate-environment"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find gates on how it went in an environment that is not there, or that comes later."""
    after = {one.spec.name: one.spec.after for one in draft.environments}
    earlier: dict[str, frozenset[str]] = {}
    # One that could not be read may come between two others.
    broken = any(path.startswith("environments/") for path in draft.unreadable)
    known = {*after, *(folder(one.path) for one in draft.environments)}
    for asked in gates(draft):
        for key, name in (("in", asked.gate.in_), ("health", asked.gate.health)):
            if name is not None and name not in known and not draft.may_have("Environment", name):
                yield Finding(
                    rule=RULE,
                    message=f"there is no environment {name!r}",
                    hint=did_you_mean(name, after) or f"the environments are {', '.join(after)}",
                    at=asked.mark(key),
                )
            elif name in after and not broken:
                earlier = earlier or {one: reachable(after, one) for one in after}
                yield from _before(asked, key, name, earlier)
        own, first = asked.owner.spec.name, after.get(asked.owner.spec.name) == []
        nowhere = asked.gate.soak is not None and asked.gate.in_ is None and first
        if nowhere and asked.owner.spec.kind == "Environment":
            yield Finding(
                rule=RULE,
                message=f"{own!r} comes after no environment: there is nowhere to soak",
                hint="name the environment with 'in', or delete the gate",
                at=asked.mark("soak"),
            )


def _before(
    asked: Asked, key: str, name: str, earlier: dict[str, frozenset[str]]
) -> Iterator[Finding]:
    """Yield a finding when some environment that asks does not come after ``name``."""
    own = asked.owner.spec
    asking = [own.name] if own.kind == "Environment" else list(earlier)
    # What runs here now may well have to be healthy before something else does.
    late = [one for one in asking if name not in earlier.get(one, ())]
    late = [one for one in late if key == "in" or one != name]
    if not late:
        return
    hint = f"name an environment that comes before {late[0]!r}"
    if own.kind == "Model":
        hint = f"move the gate to the environments that come after {name!r}: every one asks it here"
    waits = "itself" if late[0] == name else f"{name!r}, which does not come before it"
    yield Finding(
        rule=RULE,
        message=f"{late[0]!r} would wait for {waits}",
        hint=hint,
        at=asked.mark(key),
        severity="error" if key == "in" else "warning",
    )
