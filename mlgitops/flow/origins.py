"""Where a release comes from, and the digest of all that it follows from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from mlgitops.core.digests import JSON, Digest, of_value
from mlgitops.core.keys import key_of_snapshot
from mlgitops.core.records import Record
from mlgitops.core.releases import Lineage, Object, StepLineage
from mlgitops.core.results import list_of
from mlgitops.core.specs.environments import Snapshot
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.pipelines import Step
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.run import Artifact, artifact, records

# Raise it when a release of the same model would consist of something else.
_RECIPE: Final = 2
# What exports, proves and judges.
_TOOLS: Final = (
    "mlgitops",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "skl2onnx",
    "skops",
)
_ASKED: Final = {"name", "pipeline", "artifact", "task", "features", "evaluation", "export"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a release is built from: every step has run, and nothing is exported yet."""

    workspace: Workspace
    root: Path
    commit: str
    model: Model
    trained: Artifact
    judged: Artifact
    reference: Artifact | None
    lineage: Lineage
    recipe: Digest


def prepare(checkout: Checkout, model: Model, commit: str) -> Prepared:
    """Run what has to run."""
    trained = artifact(checkout, model.pipeline, model.artifact)
    judged = artifact(checkout, model.pipeline, model.evaluation.data)
    held = model.monitoring.reference
    same = held is None or held == model.evaluation.data
    reference = None if same else artifact(checkout, model.pipeline, str(held))
    came = lineage(checkout, model, commit)
    blobs = [one.digest for one in (trained, judged, reference) if one is not None]
    return Prepared(
        workspace=checkout.workspace,
        root=checkout.root,
        commit=commit,
        model=model,
        trained=trained,
        judged=judged,
        reference=reference,
        lineage=came,
        recipe=recipe(model, came, blobs),
    )


def recipe(model: Model, came: Lineage, blobs: Iterable[Digest]) -> Digest:
    """Return the digest of what decides a release: specs, steps, bytes, and the tools' versions.

    ``blobs``: the model's artifact, what it is judged on and held against. Two releases of one
    recipe have one identity; the other way round need not hold.
    """
    return of_value(
        {
            "recipe": _RECIPE,
            "model": model.model_dump(mode="json", by_alias=True, include=_ASKED),
            "steps": {name: step.key for name, step in came.steps.items()},
            "blobs": list(blobs),
            "tools": {name: version(name) for name in _TOOLS},
        }
    )


def lineage(checkout: Checkout, model: Model, commit: str) -> Lineage:
    """Return where the model that the work tree describes comes from, and what it is judged on."""
    workspace = checkout.workspace
    pipeline = workspace.pipelines[model.pipeline].spec
    maker = model.artifact.split(".", 1)[0]
    judge = model.evaluation.data.split(".", 1)[0]
    judged = records(checkout, model.pipeline, judge)
    made = {**records(checkout, model.pipeline, maker), **judged}
    steps: dict[str, StepLineage] = {}
    snapshots: dict[str, Object] = {}
    training: list[Digest] = []
    for name, record in sorted(made.items()):
        step = pipeline.step(record.step)
        pin = workspace.snapshots.get((model.pipeline, name))
        steps[name] = _step(record) if pin is None else _pinned(pin.spec, record)
        if step.source is not None:
            snapshots[name] = _snapshot(record, pin.spec if pin else None)
        if name == maker:
            training = _tables(step, record, made.values())
    return Lineage(
        commit=commit,
        pipeline=model.pipeline,
        steps=steps,
        snapshots=snapshots,
        training=tuple(training),
        evaluation_steps=tuple(sorted(judged)),
    )


def _tables(step: Step, record: Record, made: Iterable[Record]) -> list[Digest]:
    """Return the tables that a step read, also those of a list of them."""
    found = []
    for name, one in record.parts.inputs.items():
        source = step.inputs.get(name)
        if one.format == "parquet":
            found.append(one.digest)
        elif one.format == list_of("parquet") and isinstance(source, str):
            owner, _, output = source.partition(".")
            found += [other.outputs[output].digest for other in made if other.step == owner]
    return found


def _step(record: Record) -> StepLineage:
    parts = record.parts
    code: dict[str, JSON] = {name: str(digest) for name, digest in parts.code.items()}
    return StepLineage(
        key=record.key,
        code=of_value({"words": list(parts.words), "files": code}) if code else None,
        params=dict(parts.params),
        inputs={name: one.digest for name, one in parts.inputs.items()},
        lock=of_value(dict(parts.lock)) if parts.lock else None,
    )


def _pinned(pin: Snapshot, record: Record) -> StepLineage:
    """Return a pinned source's part: the pin alone decides its rows, not who made them when."""
    name, output = next(iter(record.outputs.items()))
    key = key_of_snapshot(pin.digest, pin.as_of, name, output.format)
    return StepLineage(key=key, code=None, params={}, inputs={}, lock=None)


def _snapshot(record: Record, pin: Snapshot | None) -> Object:
    output = next(iter(record.outputs.values()))
    as_of = record.parts.as_of if pin is None else pin.as_of
    return {"digest": output.digest, "as_of": as_of, "rows": output.rows}
