"""Each project, model and environment has a name of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.specs.base import Located, Spec

RULE: Final = "duplicate-name"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find specs that are called like an earlier one of their kind."""
    for spec in draft.projects[1:]:
        first = draft.projects[0].mark_key("kind")
        yield _twice("a repository has one Project", spec, "kind", first)
    for group in (draft.pipelines, draft.models, draft.environments):
        seen: dict[str, Mark] = {}
        for one in group:
            name, kind = one.spec.name, one.spec.kind.lower()
            if name in seen:
                yield _twice(f"there are two {kind}s called {name!r}", one, "name", seen[name])
            seen.setdefault(name, one.mark("name"))


def _twice(message: str, spec: Located[Spec], key: str, first: Mark) -> Finding:
    return Finding(
        rule=RULE,
        message=message,
        hint=f"rename or delete one of them; the first is at {first}",
        at=spec.mark(key),
    )
