"""A contract that an output names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean

RULE: Final = "contract-exists"

_PLACE: Final = re.compile(r"contracts/[^/]+\.yaml")


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find contracts of outputs that are no file, or a file that is not read as a contract."""
    for pipeline in draft.pipelines:
        folder = f"pipelines/{pipeline.spec.name}"
        for index, step in enumerate(pipeline.spec.steps):
            for name, output in step.outputs.items():
                path = output.contract
                if path is None or (_PLACE.fullmatch(path) and draft.has(f"{folder}/{path}")):
                    continue
                known = [f"contracts/{file}" for file in draft.below(f"{folder}/contracts")]
                message = f"there is no contract {path!r} in {folder}/"
                if draft.has(f"{folder}/{path}"):
                    message = f"{path!r} is not read as a contract: it is in another folder"
                yield Finding(
                    rule=RULE,
                    message=message,
                    hint=did_you_mean(path, known)
                    or f"put it into {folder}/contracts/, with a name such as rows.yaml",
                    at=pipeline.mark("steps", index, "outputs", name, "contract"),
                )
