"""What a training step makes can be exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.artifacts import NoOutput, find_output
from mlgitops.core.constructed import Constructed, constructed
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.functions import Function
from mlgitops.core.marks import Mark
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Model
from mlgitops.core.tasks import Task
from mlgitops.core.unconvertible import TABLE, Unconvertible

RULE: Final = "unconvertible-estimator"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find estimators that a release would refuse, by reading the code that makes them."""
    seen: set[tuple[str, int, int, str]] = set()
    for model in draft.models:
        for path, made, known in _refused(draft, model):
            place = (path, made.line, made.column, known.why)
            if place not in seen:
                seen.add(place)
                yield _finding(model, path, made, known)


def _refused(
    draft: Draft, model: Located[Model]
) -> Iterator[tuple[str, Constructed, Unconvertible]]:
    pipeline = draft.pipeline(model.spec.pipeline)
    output = None if pipeline is None else find_output(pipeline.spec, model.spec.artifact)
    if pipeline is None or output is None or isinstance(output, NoOutput):
        return
    step = pipeline.spec.step(model.spec.artifact.partition(".")[0])
    if output.format != "estimator" or step.run is None:
        return
    found = draft.functions.find(step.run, f"pipelines/{pipeline.spec.name}")
    if not isinstance(found, Function):
        return
    source = draft.tree.read(found.path) or b""
    for made in constructed(source, found.path, step.run.partition(":")[2]):
        package, _, name = made.name.rpartition(".")
        if package.partition(".")[0] == "sklearn":
            for known in _known(name, made, model.spec.task):
                yield found.path, made, known


def _known(name: str, made: Constructed, task: Task) -> Iterator[Unconvertible]:
    for known in TABLE:
        if name in known.names and known.applies(made.given, made.unknown, task):
            yield known


def _finding(model: Located[Model], path: str, made: Constructed, known: Unconvertible) -> Finding:
    name = made.name.rpartition(".")[2]
    return Finding(
        rule=RULE,
        message=f"{name} cannot be exported to ONNX: {known.why}",
        hint=known.instead,
        at=Mark(path=path, line=made.line, column=made.column, length=made.length),
        severity=known.severity,
        related=((model.mark("artifact"), f"model {model.spec.name!r} is made there"),),
    )
