"""The model itself: ONNX, signature, and the golden rows that a server checks at every load."""

from __future__ import annotations

from mlgitops.core.digests import document
from mlgitops.core.signatures import to_json
from mlgitops.flow.evidence.parts import Files, Made
from mlgitops.flow.seams import Seams


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``model.onnx``, ``signature.json`` and ``golden.json``."""
    from mlgitops.ml.golden import golden

    rows = golden(made.frame, made.signature, made.expected, onnx=made.scores)
    return {
        "model.onnx": made.onnx,
        "signature.json": document(to_json(made.signature)),
        "golden.json": document(rows),
    }
