"""A check that a merge waits for is one that somebody makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, closest, did_you_mean
from mlgitops.core.specs.projects import CHECKS

RULE: Final = "check-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find required checks that are called like ours, and are none of them."""
    for project in draft.projects:
        for place, name in enumerate(project.spec.forge.rules.checks):
            ours = name.startswith("mlgitops/")
            if name in CHECKS or not (ours or closest(name, CHECKS)):
                continue
            yield Finding(
                rule=RULE,
                message=f"mlgitops makes no check {name!r}: nothing could be merged",
                hint=did_you_mean(name, CHECKS) or f"it makes {', '.join(CHECKS)}",
                at=project.mark("forge", "rules", "checks", place),
                severity="error" if ours else "warning",
            )
