"""No environment comes after itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.graphs import cycles

RULE: Final = "environment-cycle"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find circles of environments."""
    by_name = {environment.spec.name: environment for environment in draft.environments}
    for found in cycles({name: one.spec.after for name, one in by_name.items()}):
        pairs = zip(found.names, (*found.names[1:], found.names[0]), strict=True)
        places = [
            by_name[name].mark("after", by_name[name].spec.after.index(wanted))
            for name, wanted in pairs
        ]
        yield Finding(
            rule=RULE,
            message=f"these environments wait for one another: {found}",
            hint="nothing can ever be promoted into them: take one name out of 'after'",
            at=places[0],
            related=tuple((place, "and this one waits, too") for place in places[1:]),
        )
