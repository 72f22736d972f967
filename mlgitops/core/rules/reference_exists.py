"""What a condition or a loop names is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.references import Reference, references_of
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import Pipeline

RULE: Final = "reference-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find params, steps and outputs in ``when`` and ``foreach`` that the pipeline has not."""
    for pipeline in draft.pipelines:
        for index in range(len(pipeline.spec.steps)):
            for one in references_of(pipeline, index):
                wrong = _param(pipeline, one) if one.is_param else _output(pipeline, one)
                if wrong is not None:
                    yield wrong


def _param(pipeline: Located[Pipeline], one: Reference) -> Finding | None:
    known = pipeline.spec.params
    if one.name in known:
        return None
    return Finding(
        rule=RULE,
        message=f"{pipeline.spec.name!r} has no param {one.name!r}",
        hint=did_you_mean(one.name, known) or f"add '{one.name}: …' to its params",
        at=one.part(len("params."), len(one.artifact)),
    )


def _output(pipeline: Located[Pipeline], one: Reference) -> Finding | None:
    found = find_output(pipeline.spec, one.artifact)
    if not isinstance(found, NoOutput):
        return None
    at = one.part(found.start, found.end)
    return Finding(rule=RULE, message=found.message, hint=found.hint, at=at)
