"""Build what a release consists of: ONNX with its proof, evaluation, profile, card, manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlgitops.core import manifests
from mlgitops.core.errors import Refused
from mlgitops.core.records import Record
from mlgitops.core.releases import ReleaseDocument, Version
from mlgitops.core.specs.models import Model
from mlgitops.core.terms import of_spec
from mlgitops.flow.custom import Code, measure
from mlgitops.flow.evaluation import beside, headline, refuse_bad_rows, table, truth_of
from mlgitops.flow.evidence import answers, card, environment, parity, profile, robustness, sbom
from mlgitops.flow.evidence import measured as measured_
from mlgitops.flow.evidence import model as model_
from mlgitops.flow.evidence.parts import Made, Maker
from mlgitops.flow.origins import Prepared
from mlgitops.flow.proving import proved
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd


# Each maker finds the files of those before it.
MAKERS: Final[tuple[Maker, ...]] = (
    model_.make,
    answers.make,
    parity.make,
    profile.make,
    robustness.make,
    measured_.make,
    card.make,
    environment.make,
    sbom.make,
)
# What a gate asks of the document itself, without the bytes.
MEASURED: Final = ("latency_p50_ms", "latency_p99_ms", "machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A release document without its version yet, and remarks for the person who releases."""

    document: ReleaseDocument
    notes: tuple[str, ...]


def build(seams: Seams, prepared: Prepared) -> Built:
    """Export, prove, evaluate and store; nothing is tagged here."""
    model, trained, judged = prepared.model, prepared.trained, prepared.judged
    frame = table(seams, judged.digest)
    terms = of_spec(model.evaluation)
    refuse_bad_rows(frame, terms)
    _refuse_missing_columns(frame, model)
    seen = _training_rows(seams, trained.record, model)
    proof = proved(seams, model, trained, frame, seen)
    scorer = proof.scorer
    seams.say(f"evaluating {model.name} on {len(frame):,} rows …")
    reference = _reference(seams, prepared)
    truth = truth_of(frame, terms, model.task, scorer.signature.classes)
    code = Code(workspace=prepared.workspace, root=prepared.root, model=model)
    scores = beside(scorer.score(frame), frame, terms)
    scores = measure(seams, code, terms, frame, truth, scores)
    made = Made(
        workspace=prepared.workspace,
        root=prepared.root,
        commit=prepared.commit,
        model=model,
        estimator=proof.estimator,
        frame=frame,
        data=judged.digest,
        reference=frame if reference is None else reference,
        seen=seen,
        onnx=proof.onnx,
        scorer=scorer,
        expected=proof.expected,
        scores=scores,
        truth=truth,
        parity=proof.parity,
        beside=proof.beside,
        plain=proof.plain,
        tried=tuple({"way": one.way, "kept": one.kept, "why": one.why} for one in proof.tried),
        lineage=prepared.lineage,
    )
    document = replace(_describe(seams, made), recipe=prepared.recipe)
    return Built(document=document, notes=proof.notes)


def _training_rows(seams: Seams, record: Record, model: Model) -> pd.DataFrame | None:
    """Return the rows that the model was trained on, when they hold its features by name."""
    for given in record.parts.inputs.values():
        if given.format == "parquet":
            rows = table(seams, given.digest)
            if set(model.features) <= set(rows.columns):
                return rows[list(model.features)]
    return None


def _reference(seams: Seams, prepared: Prepared) -> pd.DataFrame | None:
    if prepared.reference is None:
        return None
    model = prepared.model
    name = model.monitoring.reference
    rows = table(seams, prepared.reference.digest)
    missing = set(model.features) - set(rows.columns)
    if missing:
        raise Refused(
            f"monitoring.reference of {model.name} is {name}, which lacks {sorted(missing)[0]!r}",
            hint="name an output that holds the model's features",
        )
    return rows


def _refuse_missing_columns(frame: pd.DataFrame, model: Model) -> None:
    missing = [name for name in model.features if name not in frame.columns]
    if missing:
        raise Refused(
            f"features of {model.name} names {missing[0]!r}, which {model.evaluation.data} lacks",
            hint=f"it has {', '.join(map(str, frame.columns))}",
        )


def _describe(seams: Seams, made: Made) -> ReleaseDocument:
    blobs: dict[str, bytes] = {}
    for make in MAKERS:
        blobs.update(make(seams, made, blobs))
    files = {name: seams.store.put_bytes(blob) for name, blob in blobs.items()}
    files["evaluation.parquet"] = made.data
    sizes = {name: len(blob) for name, blob in blobs.items()}
    sizes["evaluation.parquet"] = seams.store.path(made.data).stat().st_size
    config = seams.store.put_bytes(manifests.config())
    measured = json.loads(blobs["measured.json"])
    return ReleaseDocument(
        model=made.model.name,
        version=Version(0, 0, 0),
        digest=seams.store.put_bytes(manifests.manifest(made.model.name, config, files, sizes)),
        size=len(made.onnx),
        task=made.model.task,
        files=files,
        features=tuple(field.name for field in made.signature.inputs),
        evaluation=headline(json.loads(blobs["evaluation.json"])),
        parity=parity.summary(json.loads(blobs["parity.json"])),
        lineage=made.lineage,
        bump="first",
        because=(),
        measured={name: measured[name] for name in MEASURED},
    )
