"""A name is the same in a spec and in its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft, folder
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.specs.base import Located, Spec

RULE: Final = "name-matches-folder"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find specs whose path says another name than they do."""
    for pipeline in draft.pipelines:
        yield from _compare(pipeline, "name", pipeline.spec.name, folder(pipeline.path), "folder")
    for environment in draft.environments:
        name = environment.spec.name
        yield from _compare(environment, "name", name, folder(environment.path), "folder")
    for pin in draft.pins:
        yield from _compare(pin, "model", pin.spec.model, _stem(pin.path), "file")
    for hold in draft.holds:
        yield from _compare(hold, "model", hold.spec.model, _stem(hold.path), "file")
    for contract in draft.contracts:
        yield from _compare(contract, "name", contract.spec.name, _stem(contract.path), "file")
    for snapshot in draft.snapshots:
        yield from _compare(snapshot, "source", snapshot.spec.source, _stem(snapshot.path), "file")


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".yaml")


def _compare(
    spec: Located[Spec], key: str, name: str, expected: str, what: str
) -> Iterator[Finding]:
    if name != expected:
        yield Finding(
            rule=RULE,
            message=f"the {key} is {name!r}, and the {what} is called {expected!r}",
            hint=f"write '{key}: {expected}', or rename the {what}",
            at=spec.mark(key),
        )
