"""What the model answers to input as the world sends it; anyone can ask it again."""

from __future__ import annotations

from collections.abc import Iterator

from mlgitops.core.digests import document
from mlgitops.flow.evidence.parts import Files, Held, Made
from mlgitops.flow.seams import Seams

NAME = "robustness.json"


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``robustness.json`` (see ``ml.robustness.probe``)."""
    from mlgitops.ml.robustness import probe

    seams.say(f"giving {made.model.name} odd input …")
    return {NAME: document(probe(made.scorer, made.frame))}


def problems(held: Held) -> Iterator[str]:
    """Ask the model again."""
    from mlgitops.ml.robustness import differs, probe
    from mlgitops.ml.scoring import Scorer

    said = held.json(NAME)
    again = probe(Scorer(held.read("model.onnx"), held.signature), held.rows)
    where = differs(again, said, rows=int(str(again["rows"])))
    if where is not None:
        yield f"{NAME}: {where}"
