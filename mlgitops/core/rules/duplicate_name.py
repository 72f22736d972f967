"""Each project, pipeline, model and environment has a name of its own."""

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
    for project in draft.projects[1:]:
        first = draft.projects[0].mark_key("kind")
        yield _twice("a repository has one Project", project.mark("kind"), first)
    for group in (draft.pipelines, draft.models, draft.environments):
        seen: dict[str, Located[Spec]] = {}
        for one in group:
            name, kind = one.spec.name, one.spec.kind.lower()
            other = seen.setdefault(name, one)
            if other is not one:
                message = f"there are two {kind}s called {name!r}"
                yield _twice(message, one.mark("name"), other.mark("name"))


def _twice(message: str, at: Mark, first: Mark) -> Finding:
    return Finding(
        rule=RULE,
        message=message,
        hint="rename or delete one of them",
        at=at,
        related=((first, "the first one is here"),),
    )
