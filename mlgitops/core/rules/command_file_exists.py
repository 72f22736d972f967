"""A program of the pipeline that a command names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean

RULE: Final = "command-file-exists"

_PROGRAM: Final = re.compile(r"(?:\./)?(?P<path>\w[\w./-]*\.(?:py|sh|R|r|jl|js|pl|rb|sql))")


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find words of commands that look like a program of the pipeline, and are no file."""
    for pipeline in draft.pipelines:
        folder = f"pipelines/{pipeline.spec.name}"
        for index, step in enumerate(pipeline.spec.steps):
            for place, word in enumerate(step.command or ()):
                match = _PROGRAM.fullmatch(word)
                if match is None or ".." in word or draft.has(f"{folder}/{match['path']}"):
                    continue
                yield Finding(
                    rule=RULE,
                    message=f"there is no file {match['path']!r} in {folder}/",
                    hint=did_you_mean(match["path"], draft.below(folder))
                    or "a command starts in a folder that holds what it names, and no more",
                    at=pipeline.mark("steps", index, "command", place),
                    severity="warning",
                )
