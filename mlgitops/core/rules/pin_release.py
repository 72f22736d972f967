"""A pin names a release that a tag describes, with its digest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "pin-release"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find pins with another digest than their release; unknown where the tag is not here."""
    if facts.releases is None:
        return
    for pin in draft.pins:
        model, version = pin.spec.model, pin.spec.version
        digest = facts.releases.get(model, {}).get(version)
        if digest is None:
            yield Finding(
                rule=RULE,
                message=f"the tag {model}@v{version} is not here: the pin cannot be checked",
                hint="git fetch --tags",
                at=pin.mark("version"),
                severity="unknown",
            )
        elif digest != pin.spec.digest:
            yield Finding(
                rule=RULE,
                message=f"{model} {version} has another digest: {digest}",
                hint="undo the edit: 'mlgitops promote' writes pins, nobody does by hand",
                at=pin.mark("digest"),
            )
