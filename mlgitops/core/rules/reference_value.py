"""What a condition compares is a value, and what a loop goes through has elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.references import Reference, references_of
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import Pipeline

RULE: Final = "reference-value"

# A list, or one element a row, or a file or folder.
_ELEMENTS: Final = ("json", "jsonl", "directory")


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find outputs in ``when`` and ``foreach`` that are not JSON, and params that are no list."""
    for pipeline in draft.pipelines:
        for index in range(len(pipeline.spec.steps)):
            for one in references_of(pipeline, index):
                wrong = _wrong(pipeline, one)
                if wrong is not None:
                    message, hint = wrong
                    yield Finding(rule=RULE, message=message, hint=hint, at=one.at)


def _wrong(pipeline: Located[Pipeline], one: Reference) -> tuple[str, str] | None:
    if one.is_param:
        value = pipeline.spec.params.get(one.name)
        if (
            one.looped
            and one.name in pipeline.spec.params
            and not (isinstance(value, list) and value)
        ):
            what = "empty" if value == [] else "no list"
            return f"the param {one.name!r} is {what}: there is nothing to go through", (
                "give it a list, as in [eu, us]"
            )
        return None
    found = find_output(pipeline.spec, one.artifact)
    if isinstance(found, NoOutput):
        return None
    wanted = _ELEMENTS if one.looped else _ELEMENTS[:1]
    if found.format in wanted:
        return None
    asks = "a loop goes through a list" if one.looped else "a condition reads a value"
    return f"{one.artifact!r} is stored as {found.format}, and {asks} in JSON", (
        f"give the step another output, such as '{one.name}: json'"
    )
