"""Each model is an artifact of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Model

RULE: Final = "model-artifact-shared"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find models that are the same artifact as another one."""
    seen: dict[tuple[str, str], Located[Model]] = {}
    for model in draft.models:
        spec = model.spec
        first = seen.setdefault((spec.pipeline, spec.artifact), model)
        if first is model or first.spec.name == spec.name:
            continue
        other = first.spec.name
        yield Finding(
            rule=RULE,
            message=f"{spec.artifact!r} of {spec.pipeline!r} is already the model {other!r}",
            hint="name another artifact, or delete one of the two",
            at=model.mark("artifact"),
            severity="warning",
            related=((first.mark("artifact"), f"{other!r} is made from it"),),
        )
