"""The model card: a pure function of the release's other files, its lineage and its spec."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

from mlgitops.core.cards import card, headline
from mlgitops.core.comparing import first_difference
from mlgitops.core.digests import JSON, document
from mlgitops.core.releases import Lineage, Object
from mlgitops.core.signatures import Signature
from mlgitops.core.specs.models import Model
from mlgitops.flow.evidence.pages import page
from mlgitops.flow.evidence.parity import summary
from mlgitops.flow.evidence.parts import Files, Held, Made
from mlgitops.flow.evidence.plots import plots
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from mlgitops.ml.labels import Floats, Scores

_FROM: Final = ("evaluation.json", "measured.json", "parity.json", "robustness.json")


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``card.json``, ``card.md`` and ``card/<name>.svg``."""
    evidence = {name: cast("Object", json.loads(files[name])) for name in _FROM}
    return _files(
        made.model,
        made.signature,
        made.lineage,
        evidence,
        summary(evidence["parity.json"]),
        made.scores,
        made.truth,
    )


def problems(held: Held) -> Iterator[str]:
    """Make the card again, by the spec at the release's commit."""
    document_ = held.document
    model = held.model
    if model is None:
        yield f"card.json: the commit of {held.release.tag} has no model {document_.model!r}"
        return
    again = _files(
        model,
        held.signature,
        document_.lineage,
        {name: held.json(name) for name in _FROM},
        document_.parity,
        held.scores,
        held.truth,
    )
    drawn = {name for name in document_.files if name.startswith("card/")}
    for name in sorted(drawn - again.keys()):
        yield f"{name}: nothing explains this file"
    for name, wanted in again.items():
        if name not in document_.files:
            yield f"{name}: is missing"
        elif held.read(name) != wanted:
            yield f"{name}: {_where(name, wanted, held.read(name))}"


def _where(name: str, wanted: bytes, found: bytes) -> str:
    if name.endswith(".json"):
        told = first_difference(cast(JSON, json.loads(wanted)), cast(JSON, json.loads(found)))
        return told or "is not in its canonical form"
    pairs = zip(wanted.split(b"\n"), found.split(b"\n"), strict=False)
    for number, (expected, there) in enumerate(pairs, 1):
        if expected != there:
            shown, must = (one.decode("utf-8", "replace")[:120] for one in (there, expected))
            return f"line {number} is {shown!r}, and must be {must!r}"
    return f"has {len(found)} bytes, and must have {len(wanted)}"


def _files(
    model: Model,
    signature: Signature,
    lineage: Lineage,
    evidence: dict[str, Object],
    parity: Object,
    scores: Scores,
    truth: Floats,
) -> dict[str, bytes]:
    metric = headline(model, evidence["evaluation.json"])
    drawn = plots(scores, truth, signature.classes, evidence, metric)
    told = card(model, signature, lineage, evidence, parity, sorted(drawn))
    # Read back, so that a card made from the stored text is the same to the last digit.
    text = document(told)
    return {"card.json": text, "card.md": page(json.loads(text)).encode(), **drawn}
