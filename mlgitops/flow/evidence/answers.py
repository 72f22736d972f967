"""What was answered for every evaluation row, and every number that follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from mlgitops.core.comparing import first_difference
from mlgitops.core.digests import document
from mlgitops.flow.custom import columns
from mlgitops.flow.evaluation import evaluation, frame_of, headline, parquet
from mlgitops.flow.evidence.parts import Files, Held, Made
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    pass


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``predictions.parquet`` (p0 … of the ONNX, e0 … of the estimator, if there is one,
    own:<metric> of custom metrics), and the numbers."""
    ids = made.frame[made.terms.row_id]
    answers = frame_of(made.scores, ids).assign(**columns(made.scores))
    if made.expected is not None:
        answers = answers.merge(frame_of(made.expected, ids, prefix="e"), on="id")
    numbers = evaluation(made.frame, made.scores, made.signature.classes, made.terms)
    return {"predictions.parquet": parquet(answers), "evaluation.json": document(numbers)}


def problems(held: Held) -> Iterator[str]:
    """Score the evaluation rows again, then compute every number from the recorded answers."""
    import numpy as np

    from mlgitops.ml.scoring import Scorer

    said = held.document.evaluation
    if list(held.answers["id"]) != list(held.rows[held.terms.row_id]):
        yield "predictions.parquet is not about the rows of evaluation.parquet"
        return
    again = Scorer(held.read("model.onnx"), held.signature).score(held.rows)
    atol, rtol = (float(cast(float, held.document.parity[name])) for name in ("atol", "rtol"))
    # float32 arithmetic differs between runtimes by some units in the last place.
    close = np.isclose(again.values, held.scores.values, atol=atol, rtol=max(rtol, 1e-6))
    if not close.all():
        count = int((~close.reshape(len(held.rows), -1).all(axis=1)).sum())
        yield f"{count:,} of {len(again):,} recorded predictions are not what the ONNX answers"
    numbers = evaluation(held.rows, held.scores, held.signature.classes, held.terms)
    where = first_difference(numbers, held.json("evaluation.json"))
    if where is not None:
        yield f"evaluation.json: {where}"
    where = first_difference(headline(numbers), said)
    if where is not None:
        yield f"evaluation: {where}"
