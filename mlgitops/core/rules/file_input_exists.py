"""A file that a step reads is in the pipeline's folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.sources import Key
from mlgitops.core.specs.pipelines import FileInput, FileSource

RULE: Final = "file-input-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find file inputs and file sources that the repository does not hold."""
    for pipeline in draft.pipelines:
        folder = f"pipelines/{pipeline.spec.name}"
        for index, step in enumerate(pipeline.spec.steps):
            wanted: dict[tuple[Key, ...], str] = {
                ("steps", index, "inputs", name, "file"): given.file
                for name, given in step.inputs.items()
                if isinstance(given, FileInput)
            }
            if isinstance(step.source, FileSource):
                wanted["steps", index, "source", "path"] = step.source.path
            for keys, file in wanted.items():
                path = f"{folder}/{file}".rstrip("/")
                if not draft.has(path):
                    close = did_you_mean(file, draft.below(folder))
                    yield Finding(
                        rule=RULE,
                        message=f"there is no file {file!r} in {folder}/",
                        hint=close or "is it a symlink, or not in git?",
                        at=pipeline.mark(*keys),
                    )
