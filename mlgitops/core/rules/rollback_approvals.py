"""Getting back is not harder than going there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "rollback-approvals"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find environments where a rollback needs more approvals than a promotion."""
    for environment in draft.environments:
        asked = environment.spec.approvals
        if asked.rollback > asked.count:
            yield Finding(
                rule=RULE,
                message=f"a rollback needs {asked.rollback} approvals, and a promotion "
                f"{asked.count}",
                hint="ask the same of both, or more of a promotion",
                at=environment.mark("approvals", "rollback"),
                severity="warning",
            )
