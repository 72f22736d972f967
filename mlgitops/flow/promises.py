"""The contracts that a step's outputs must keep, as their files say now."""

from __future__ import annotations

from functools import lru_cache

from mlgitops.core.contracts import Contract, of_spec
from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark
from mlgitops.core.sources import parse
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.contracts import Contract as Spec
from mlgitops.core.specs.pipelines import Step
from mlgitops.files import WorkTree


def promised(tree: WorkTree, folder: str, step: Step) -> dict[str, Contract]:
    """Return the contract of each output that has one; SpecError for one that cannot be read."""
    found = {}
    for name, output in step.outputs.items():
        if output.contract is not None:
            path = f"{folder}/{output.contract}"
            data = tree.read(path)
            if data is None:
                raise SpecError(
                    f"there is no contract {path!r}, which {step.name}.{name} names",
                    hint="is it committed?",
                )
            found[name] = _contract(data, path)
    return found


@lru_cache(maxsize=64)
def _contract(data: bytes, path: str) -> Contract:
    import pydantic

    documents = parse(data, path)
    try:
        spec = Spec.model_validate(documents[0].value if documents else None)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise SpecError(
            f"not a contract: {first['msg']}",
            hint="`mlgitops validate` says all that is wrong with it",
            at=documents[0].mark(*first["loc"]) if documents else Mark(path=path),
        ) from None
    return of_spec(Located(spec=spec, document=documents[0]))
