"""A file that a step reads is in the pipeline's folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.sources import Key
from mlgitops.core.specs.pipelines import FileInput, FileSource, Step
from mlgitops.core.specs.step_sources import SqlSource

RULE: Final = "file-input-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find files that steps read or run, and that the repository does not hold."""
    for pipeline in draft.pipelines:
        folder = f"pipelines/{pipeline.spec.name}"
        for index, step in enumerate(pipeline.spec.steps):
            for keys, file in _wanted(step):
                path = f"{folder}/{file}".rstrip("/")
                if not draft.has(path):
                    close = did_you_mean(file, draft.below(folder))
                    yield Finding(
                        rule=RULE,
                        message=f"there is no file {file!r} in {folder}/",
                        hint=close or "is it a symlink, or not in git?",
                        at=pipeline.mark("steps", index, *keys),
                    )


def _wanted(step: Step) -> Iterator[tuple[tuple[Key, ...], str]]:
    """Yield where in ``step`` a file is named, and the file."""
    for name, given in step.inputs.items():
        if isinstance(given, FileInput):
            yield ("inputs", name, "file"), given.file
    if isinstance(step.source, FileSource):
        yield ("source", "path"), step.source.path
    if isinstance(step.source, SqlSource):
        yield ("source", "query"), step.source.query
    if step.notebook is not None:
        yield ("notebook",), step.notebook
    if step.sql is not None:
        yield ("sql",), step.sql
