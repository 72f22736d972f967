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
        files = {path.removeprefix(f"{folder}/") for path in draft.tree.paths(folder)}
        known = files | {file[:end] for file in files for end in _folder_ends(file)}
        for index, step in enumerate(pipeline.spec.steps):
            wanted: dict[tuple[Key, ...], str] = {
                ("steps", index, "inputs", name, "file"): given.file
                for name, given in step.inputs.items()
                if isinstance(given, FileInput)
            }
            if isinstance(step.source, FileSource):
                wanted["steps", index, "source", "path"] = step.source.path
            for keys, file in wanted.items():
                if file.rstrip("/") not in known:
                    yield Finding(
                        rule=RULE,
                        message=f"there is no file {file!r} in {folder}/",
                        hint=did_you_mean(file, files) or "is it a symlink, or not in git?",
                        at=pipeline.mark(*keys),
                    )


def _folder_ends(file: str) -> list[int]:
    return [place for place, character in enumerate(file) if character == "/"]
