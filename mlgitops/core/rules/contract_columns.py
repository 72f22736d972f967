"""A model names the columns that the contract of its data has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mlgitops.core.artifacts import NoOutput, find_output
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, closest
from mlgitops.core.sources import Key
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.contracts import Contract
from mlgitops.core.specs.models import Model

RULE: Final = "contract-columns"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find features, targets, row ids and slices that the contract of the evaluation data lacks.

    A contract that is not strict need not list every column: there only what looks like a misspelt
    column of it is told.
    """
    contracts = {contract.path: contract for contract in draft.contracts}
    for model in draft.models if contracts else ():
        contract = _contract(draft, model, contracts)
        if contract is None:
            continue
        columns = contract.spec.columns
        for keys, name in _named(model.spec):
            meant = None if name in columns else closest(name, columns)
            if name in columns or not (contract.spec.strict or meant):
                continue
            yield Finding(
                rule=RULE,
                message=f"the contract {contract.spec.name!r} of the evaluation data has no column "
                f"{name!r}",
                hint=f"did you mean {meant!r}?" if meant else f"it has {', '.join(columns)}",
                at=model.mark(*keys),
                severity="error" if contract.spec.strict else "warning",
                related=((contract.mark_key("columns"), "the columns are here"),),
            )


def _contract(
    draft: Draft, model: Located[Model], contracts: Mapping[str, Located[Contract]]
) -> Located[Contract] | None:
    pipeline = draft.pipeline(model.spec.pipeline)
    if pipeline is None:
        return None
    found = find_output(pipeline.spec, model.spec.evaluation.data)
    if isinstance(found, NoOutput) or found.contract is None:
        return None
    return contracts.get(f"pipelines/{pipeline.spec.name}/{found.contract}")


def _named(model: Model) -> Iterator[tuple[tuple[Key, ...], str]]:
    """Yield each column that the model names, with its keys."""
    if model.evaluation.target is not None:
        yield ("evaluation", "target"), model.evaluation.target
    for place, name in enumerate(model.evaluation.targets or ()):
        yield ("evaluation", "targets", place), name
    for key, name in model.evaluation.beside.items():
        yield ("evaluation", key), name
    for place, name in enumerate(model.evaluation.search):
        yield ("evaluation", "search", place), name
    yield ("evaluation", "id"), model.evaluation.id
    if model.evaluation.cluster is not None:
        yield ("evaluation", "cluster"), model.evaluation.cluster
    for place, name in enumerate(model.evaluation.slices):
        yield ("evaluation", "slices", place), name
    for place, name in enumerate(model.features):
        yield ("features", place), name
