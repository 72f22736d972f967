"""A spec is a file of its own, not a link to somewhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft, kinds_of
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark

RULE: Final = "symlink"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find links where specs are read: they are not followed, so what they name is not seen."""
    for path in (*draft.tree.links("pipelines"), *draft.tree.links("environments")):
        inner = path.count("/") > 1 and not kinds_of(path)
        if inner and not path.endswith((".py", "/pins", "/holds", "/snapshots", "/rendered")):
            continue
        yield Finding(
            rule=RULE,
            message=f"{path} is a link, which is not followed",
            hint="put the file itself there",
            at=Mark(path=path),
        )
