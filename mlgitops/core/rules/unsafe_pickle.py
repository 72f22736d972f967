"""An output that is a pickle is one on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "unsafe-pickle"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find outputs that are stored as pickles: whoever reads one runs what is in it."""
    for pipeline in draft.pipelines:
        for index, step in enumerate(pipeline.spec.steps):
            for name, output in step.outputs.items():
                if output.format == "unsafe-pickle":
                    yield Finding(
                        rule=RULE,
                        message=f"{step.name}.{name} is a pickle: reading it runs whatever is in "
                        "it, and no release takes it",
                        hint="store a fitted model as `estimator`, rows as `parquet`, values as "
                        "`json`",
                        at=pipeline.mark("steps", index, "outputs", name),
                        severity="warning",
                    )
