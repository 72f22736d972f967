"""A template is for a kind of target that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import TEMPLATES, Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.marks import Mark
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.shapes import choices

RULE: Final = "template-target"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find folders of templates that no target looks into."""
    known = choices(Environment, ("target", "type"))
    for path in draft.templates:
        target, _, file = path.partition("/")
        if target in known and file:
            continue
        yield Finding(
            rule=RULE,
            message=f"no target looks for templates in {TEMPLATES}{target}",
            hint=did_you_mean(target, known) or f"the folders are {', '.join(known)}",
            at=Mark(path=f"{TEMPLATES}{path}"),
        )
