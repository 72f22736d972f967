"""Recompute what a release claims, from bytes by digest; what cannot be read fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from mlgitops.core import manifests
from mlgitops.core.comparing import first_difference
from mlgitops.core.digests import JSON, Digest, of_bytes, parse_digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.releases import Release, message, to_json
from mlgitops.core.trees import Tree
from mlgitops.flow.evaluation import evaluation, rounded, scores_of, signature, table
from mlgitops.flow.seams import Seams

RULE = "mlgitops/metrics"


def recompute(seams: Seams, release: Release) -> list[Finding]:
    """Return what is wrong with a release: document, bytes, predictions, numbers."""
    try:
        return [
            Finding(rule=RULE, message=text, at=Mark(path=release.tag))
            for text in _problems(seams, release)
        ]
    except MlgitopsError as error:
        # Missing or damaged bytes are a failure: nobody can recompute what is not there.
        text = f"cannot be recomputed: {error.message}"
        return [Finding(rule=RULE, message=text, hint=error.hint, at=Mark(path=release.tag))]


def _problems(seams: Seams, release: Release) -> Iterator[str]:
    document = release.document
    raw = next(tag.message for tag in seams.repository.tags(release.tag))
    if raw.strip() != message(document).strip():
        written = json.loads(raw[raw.index("{") :])
        where = first_difference(cast(JSON, to_json(document)), written)
        yield f"the tag's document is not in its canonical form: {where or 'other bytes'}"
    config = of_bytes(manifests.config())
    sizes = {name: seams.store.path(d).stat().st_size for name, d in document.files.items()}
    built = manifests.manifest(document.model, config, document.files, sizes)
    if of_bytes(built) != document.digest:
        yield f"its files make the manifest {of_bytes(built)}, and the tag says {document.digest}"
    if sizes["model.onnx"] != document.size:
        yield f"size is {document.size} in the tag, and {sizes['model.onnx']} in the store"
    yield from _numbers(seams, release)


def _numbers(seams: Seams, release: Release) -> Iterator[str]:
    """Score the evaluation rows again, then compute every number from the recorded answers."""
    import numpy as np

    from mlgitops.ml.scoring import Scorer

    document = release.document
    shape = signature(seams, document)
    rows = table(seams, document.files["evaluation.parquet"])
    answers = table(seams, document.files["predictions.parquet"])
    row_id = str(document.evaluation["id"])
    if list(answers["id"]) != list(rows[row_id]):
        yield "predictions.parquet is not about the rows of evaluation.parquet"
        return
    recorded = scores_of(answers, document.task)
    estimator = scores_of(answers, document.task, prefix="e")
    again = Scorer(seams.store.read(document.files["model.onnx"]), shape).score(rows)
    atol, rtol = (float(cast(float, document.parity[name])) for name in ("atol", "rtol"))
    # float32 arithmetic differs between runtimes by some units in the last place.
    close = np.isclose(again.values, recorded.values, atol=atol, rtol=max(rtol, 1e-6))
    if not close.all():
        count = int((~close.reshape(len(rows), -1).all(axis=1)).sum())
        yield f"{count:,} of {len(rows):,} recorded predictions are not what the ONNX answers"
    numbers = evaluation(
        rows,
        recorded,
        shape.classes,
        target=str(document.evaluation["target"]),
        row_id=row_id,
        metrics=list(document.metrics),
        slices=list(cast("dict[str, JSON]", document.evaluation["slices"])),
    )
    where = first_difference(numbers, document.evaluation)
    if where is not None:
        yield f"evaluation: {where}"
    worst = rounded(float(np.abs(recorded.values - estimator.values).max(initial=0.0)))
    if worst != document.parity["max_abs_diff"]:
        claimed = document.parity["max_abs_diff"]
        yield f"parity: /max_abs_diff is {claimed}, and must be {worst}"


def recorded_predictions(tree: Tree, environment: str, model: str) -> Digest | None:
    """Return the live model's predictions that the newest record of a promotion names, or None."""
    paths = sorted(tree.paths(f"environments/{environment}/records/{model}"))
    if not paths:
        return None
    try:
        record = json.loads(tree.read(paths[-1]) or b"")
        found = (record.get("comparison") or {}).get("predictions")
        return None if found is None else parse_digest(str(found))
    except (ValueError, AttributeError, MlgitopsError):
        # Not a record: that is said where its bytes are compared with the derived ones.
        return None
