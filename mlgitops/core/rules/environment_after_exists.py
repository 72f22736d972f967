"""An environment comes after others that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft, folder
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.rewriting import respelt

RULE: Final = "environment-after-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find names in ``after`` that no environment has."""
    known = {environment.spec.name: None for environment in draft.environments}
    folders = {folder(environment.path) for environment in draft.environments}
    for environment in draft.environments:
        taken = (environment.spec.name, *environment.spec.after)
        for place, name in enumerate(environment.spec.after):
            if (
                name not in known
                and name not in folders
                and not draft.may_have("Environment", name)
            ):
                yield Finding(
                    rule=RULE,
                    message=f"there is no environment {name!r}",
                    hint=did_you_mean(name, known) or f"the environments are {', '.join(known)}",
                    at=environment.mark("after", place),
                    fix=respelt(
                        environment.document,
                        ("after", place),
                        name,
                        known,
                        sure=folders,
                        taken=taken,
                    ),
                )
