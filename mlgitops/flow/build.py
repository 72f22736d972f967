"""Build what a release consists of: ONNX with its proof, evaluation, profile, card, manifest."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgitops.core import manifests
from mlgitops.core.digests import JSON, Digest, document, of_value
from mlgitops.core.errors import Refused
from mlgitops.core.keys import key_of_snapshot
from mlgitops.core.records import Record
from mlgitops.core.releases import Lineage, Object, ReleaseDocument, StepLineage, Version
from mlgitops.core.results import list_of
from mlgitops.core.signatures import to_json
from mlgitops.core.specs.environments import Snapshot
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.pipelines import Step
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.card import card
from mlgitops.flow.evaluation import (
    evaluation,
    frame_of,
    parquet,
    refuse_bad_rows,
    rounded,
    table,
)
from mlgitops.flow.run import artifact, records
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.labels import Floats, Scores
    from mlgitops.ml.parity import Parity
    from mlgitops.ml.scoring import Scorer

_LATENCY_CALLS = 500
_LATENCY_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A release document without its version yet, and remarks for the person who releases."""

    document: ReleaseDocument
    notes: tuple[str, ...]


def build(seams: Seams, workspace: Workspace, root: Path, model: Model, commit: str) -> Built:
    """Run what has to run, export, prove, evaluate and store; nothing is tagged here."""
    from mlgitops.ml.export import export
    from mlgitops.ml.parity import estimate
    from mlgitops.ml.scoring import Scorer

    trained = artifact(seams, workspace, root, model.pipeline, model.artifact)
    judged = artifact(seams, workspace, root, model.pipeline, model.evaluation.data)
    frame = table(seams, judged.digest)
    refuse_bad_rows(frame, model.evaluation.id, model.evaluation.target)
    _refuse_missing_columns(frame, model)
    estimator = _estimator(seams, trained)
    seams.say(f"exporting {model.name} to ONNX …")
    seen = _training_rows(seams, trained.record, model)
    exported = export(
        estimator,
        frame if seen is None else seen,
        task=model.task,
        row_id=model.evaluation.id,
        tolerance=model.export.parity.atol,
    )
    scorer = Scorer(exported.onnx, exported.signature)
    parity = _prove(seams, model, estimator, scorer, frame)
    seams.say(f"evaluating {model.name} on {len(frame):,} rows …")
    lineage = _lineage(seams, workspace, root, model, commit)
    reference = _reference(seams, workspace, root, model)
    parts = _Parts(
        frame=frame,
        reference=frame if reference is None else reference,
        scorer=scorer,
        onnx=exported.onnx,
        expected=estimate(estimator, frame, model.task),
        proof=_parity_json(parity),
        lineage=lineage,
        data=judged.digest,
    )
    return Built(document=_describe(seams, model, parts), notes=exported.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What a release document is made from. ``reference``: the rows that drift is held against."""

    frame: pd.DataFrame
    reference: pd.DataFrame
    scorer: Scorer
    onnx: bytes
    expected: Scores
    proof: Object
    lineage: Lineage
    data: Digest


def _training_rows(seams: Seams, record: Record, model: Model) -> pd.DataFrame | None:
    """Return the rows that the model was trained on, when they hold its features by name."""
    for given in record.parts.inputs.values():
        if given.format == "parquet":
            rows = table(seams, given.digest)
            if set(model.features) <= set(rows.columns):
                return rows[list(model.features)]
    return None


def _reference(seams: Seams, workspace: Workspace, root: Path, model: Model) -> pd.DataFrame | None:
    name = model.monitoring.reference
    if name is None or name == model.evaluation.data:
        return None
    rows = table(seams, artifact(seams, workspace, root, model.pipeline, name).digest)
    missing = set(model.features) - set(rows.columns)
    if missing:
        raise Refused(
            f"monitoring.reference of {model.name} is {name}, which lacks {sorted(missing)[0]!r}",
            hint="name an output that holds the model's features",
        )
    return rows


def _refuse_missing_columns(frame: pd.DataFrame, model: Model) -> None:
    for what, names in (
        ("features", model.features),
        ("evaluation.slices", model.evaluation.slices),
    ):
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise Refused(
                f"{what} of {model.name} names {missing[0]!r}, which {model.evaluation.data} lacks",
                hint=f"it has {', '.join(map(str, frame.columns))}",
            )


def _estimator(seams: Seams, trained: Any) -> Any:
    from mlgitops import formats

    if trained.format == "unsafe-pickle":
        raise Refused(
            "the model's artifact is a pickle: reading it runs whatever is in it, so nothing is"
            " released from it",
            hint="declare it as `estimator` in pipeline.yaml: skops stores it without pickle",
        )
    if trained.format != "estimator":
        raise Refused(
            f"the model's artifact has the format {trained.format!r}",
            hint="declare it as `estimator` in pipeline.yaml",
        )
    return formats.read(seams.store.path(trained.digest), "estimator", types=trained.types)


def _prove(
    seams: Seams, model: Model, estimator: Any, scorer: Scorer, frame: pd.DataFrame
) -> Parity:
    """Return the proof of parity on every evaluation row, or refuse with the ten worst."""
    from mlgitops.ml.parity import check

    spec = model.export.parity
    seams.say(f"comparing estimator and ONNX on {len(frame):,} rows …")
    parity = check(
        estimator,
        scorer,
        frame,
        atol=spec.atol,
        rtol=spec.rtol,
        label_mismatch=spec.label_mismatch,
    )
    if parity.ok:
        return parity
    ids = frame[model.evaluation.id].to_numpy()
    worst = "\n".join(
        f"  {ids[one.row]}: estimator {one.estimator}, ONNX {one.onnx}"
        f" (apart by {one.difference:.3g}); {one.inputs}"
        for one in parity.worst
    )
    raise Refused(
        f"the ONNX of {model.name} does not answer what the estimator answers: "
        f"{parity.rows_over:,} of {parity.rows:,} rows over the tolerance, "
        f"{parity.label_mismatches:,} other labels, largest difference "
        f"{parity.max_abs_diff:.3g}. The worst rows:\n{worst}",
        hint="train on float32; if the difference is harmless, say so in export.parity",
    )


def _describe(seams: Seams, model: Model, parts: _Parts) -> ReleaseDocument:
    from mlgitops.ml.golden import golden
    from mlgitops.ml.labels import encode_target

    signature, spec, frame = parts.scorer.signature, model.evaluation, parts.frame
    scores = parts.scorer.score(frame)
    answers = frame_of(scores, frame[spec.id])
    answers = answers.merge(frame_of(parts.expected, frame[spec.id], prefix="e"), on="id")
    numbers = evaluation(
        frame,
        scores,
        signature.classes,
        target=spec.target,
        row_id=spec.id,
        metrics=spec.metrics,
        slices=spec.slices,
    )
    truth = encode_target(model.task, signature.classes, frame[spec.target].to_numpy())
    blobs = {
        "model.onnx": parts.onnx,
        "signature.json": document(to_json(signature)),
        "golden.json": document(golden(frame, signature, parts.expected, onnx=scores)),
        "predictions.parquet": parquet(answers),
        "profile.json": document(_profile(parts, scores, truth)),
        "card.md": card(model, numbers, parts.proof, parts.lineage, signature).encode(),
    }
    files = {name: seams.store.put_bytes(blob) for name, blob in blobs.items()}
    files["evaluation.parquet"] = parts.data
    sizes = {name: len(blob) for name, blob in blobs.items()}
    sizes["evaluation.parquet"] = seams.store.path(parts.data).stat().st_size
    config = seams.store.put_bytes(manifests.config())
    return ReleaseDocument(
        model=model.name,
        version=Version(0, 0, 0),
        digest=seams.store.put_bytes(manifests.manifest(model.name, config, files, sizes)),
        size=len(parts.onnx),
        task=model.task,
        files=files,
        features=tuple(field.name for field in signature.inputs),
        evaluation=numbers,
        parity=parts.proof,
        lineage=parts.lineage,
        bump="first",
        because=(),
        measured=_measure(parts.scorer, frame),
    )


def _parity_json(parity: Parity) -> Object:
    return {
        "rows": parity.rows,
        "max_abs_diff": rounded(parity.max_abs_diff),
        "rows_over": parity.rows_over,
        "label_mismatches": parity.label_mismatches,
        "own_label_differs": parity.own_label_differs,
        "atol": parity.atol,
        "rtol": parity.rtol,
        "ok": parity.ok,
    }


def _profile(parts: _Parts, scores: Scores, truth: Floats) -> Object:
    """Return the reference profile: inputs and answers of the reference, quality of the judged."""
    from mlgitops.ml.profiles import profile

    signature = parts.scorer.signature
    if parts.reference is parts.frame:
        return profile(parts.frame, signature, scores, truth)
    answers = parts.scorer.score(parts.reference)
    judged = profile(parts.frame, signature, scores, truth)
    return {
        **profile(parts.reference, signature, answers, None),
        "performance": judged["performance"],
    }


def _measure(scorer: Scorer, frame: pd.DataFrame) -> Object:
    """Time one-row calls in milliseconds, each on another row (repeating one flatters trees).

    Of some rounds the best one counts: what else this machine does is not the model's doing.
    """
    rows = frame.iloc[[n * 7919 % len(frame) for n in range(_LATENCY_CALLS)]]
    rounds = []
    for _ in range(_LATENCY_ROUNDS):
        times = []
        for call in scorer.singles(rows):
            start = time.perf_counter()
            call()
            times.append((time.perf_counter() - start) * 1000)
        rounds.append(sorted(times))
    return {
        "latency_p50_ms": round(min(times[len(times) // 2] for times in rounds), 4),
        "latency_p99_ms": round(min(times[int(len(times) * 0.99)] for times in rounds), 4),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    }


def _lineage(seams: Seams, workspace: Workspace, root: Path, model: Model, commit: str) -> Lineage:
    pipeline = workspace.pipelines[model.pipeline].spec
    maker = model.artifact.split(".", 1)[0]
    judge = model.evaluation.data.split(".", 1)[0]
    judged = records(seams, workspace, root, model.pipeline, judge)
    made = {**records(seams, workspace, root, model.pipeline, maker), **judged}
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
