"""The reference profile that monitoring holds served rows against."""

from __future__ import annotations

from mlgitops.core.digests import document
from mlgitops.flow.evidence.parts import Files, Made
from mlgitops.flow.seams import Seams


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``profile.json``: inputs and answers of the reference, quality on the judged rows."""
    from mlgitops.ml.profiles import profile

    judged = profile(made.frame, made.signature, made.scores, made.truth)
    if made.reference is made.frame:
        return {"profile.json": document(judged)}
    answers = made.scorer.score(made.reference)
    found = profile(made.reference, made.signature, answers, None)
    return {"profile.json": document({**found, "performance": judged["performance"]})}
