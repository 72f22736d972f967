"""A contract binds some output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft, folder
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "contract-unused"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find contracts that no output names: nothing is held against them."""
    for contract in draft.contracts:
        name = folder(contract.path)
        pipeline = draft.pipeline(name)
        if pipeline is None:
            continue
        bound = {
            output.contract for step in pipeline.spec.steps for output in step.outputs.values()
        }
        file = contract.path.removeprefix(f"pipelines/{name}/")
        # A misspelt one is the finding of another rule.
        wrong = any(one is not None and not draft.has(f"pipelines/{name}/{one}") for one in bound)
        if file not in bound and not wrong:
            yield Finding(
                rule=RULE,
                message=f"no output of {name!r} names this contract: nothing is held against it",
                hint=f"write 'rows: {{format: parquet, contract: {file}}}' at the output",
                at=contract.mark("name"),
                severity="warning",
            )
