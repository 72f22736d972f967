"""The model itself: ONNX, signature, and the golden rows that a server checks at every load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlgitops.core.digests import document
from mlgitops.core.signatures import to_json
from mlgitops.flow.evidence.parts import Files, Made
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from mlgitops.ml.golden import Odd


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``model.onnx``, ``signature.json`` and ``golden.json``."""
    from mlgitops.ml.golden import golden

    expected = made.scores if made.expected is None else made.expected
    rows = golden(made.frame, made.signature, expected, onnx=made.scores, odd=_odd(made))
    return {
        "model.onnx": made.onnx,
        "signature.json": document(to_json(made.signature)),
        "golden.json": document(rows),
    }


def _odd(made: Made) -> Odd:
    """Return the adversarial rows; of a handed over model with its own answers."""
    from mlgitops.ml.adversarial import adversarial
    from mlgitops.ml.golden import Odd
    from mlgitops.ml.parity import answered

    if made.beside is not None:
        asked, judged = made.beside.asked, made.beside.judged
        same = ~(judged.breaches | judged.shifted)
        return Odd(rows=asked.rows, expected=asked.expected, same=same)
    score = made.scorer.score
    rows = adversarial(made.frame, made.signature, lambda one: answered(score, one), made.onnx)
    scores, known = answered(score, rows.frame)
    return Odd(rows=rows, expected=scores, same=known)
