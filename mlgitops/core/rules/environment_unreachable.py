"""A promotion can come to every environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.graphs import cycles
from mlgitops.core.specs.environments import Environment

RULE: Final = "environment-unreachable"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find environments that wait for others to which nothing can ever come."""
    specs = {environment.spec.name: environment.spec for environment in draft.environments}
    # The circle itself is the finding of another rule.
    told = {name for one in cycles({n: s.after for n, s in specs.items()}) for name in one.names}
    reached = _reached(specs)
    for environment in draft.environments:
        name, after = environment.spec.name, environment.spec.after
        if name in reached or name in told:
            continue
        lost = next(before for before in after if before in specs and before not in reached)
        yield Finding(
            rule=RULE,
            message=f"nothing can ever be promoted into {name!r}: it waits for {lost!r}, to which "
            "nothing comes",
            hint=f"let {lost!r} come after one that can be reached, or take it out of 'after'",
            at=environment.mark("after", after.index(lost)),
        )


def _reached(specs: dict[str, Environment]) -> set[str]:
    """Return the environments to which something can come; one that is missing counts as such."""
    reached: set[str] = set()
    before = -1
    while before != len(reached):
        before = len(reached)
        for name, spec in specs.items():
            there = [one in reached or one not in specs for one in spec.after]
            if not there or (all(there) if spec.require == "all" else any(there)):
                reached.add(name)
    return reached
