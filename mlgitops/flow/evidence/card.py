"""The model card: what a release is, in Markdown, from the numbers that it records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from mlgitops.core.digests import JSON, short
from mlgitops.core.releases import Lineage, Object
from mlgitops.core.signatures import Signature
from mlgitops.core.specs.models import Model
from mlgitops.flow.evidence.parity import summary
from mlgitops.flow.evidence.parts import Files, Made
from mlgitops.flow.seams import Seams


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``card.md``, from the numbers in ``evaluation.json``."""
    numbers = cast(Object, json.loads(files["evaluation.json"]))
    proof = summary(made.parity)
    return {"card.md": card(made.model, numbers, proof, made.lineage, made.signature).encode()}


def card(
    model: Model,
    numbers: Mapping[str, JSON],
    parity: Object,
    lineage: Lineage,
    signature: Signature,
) -> str:
    """Return the card. No version, commit or time is in it, so equal models have equal cards."""
    lines = [f"# {model.name}", "", f"Task: {model.task}. Trained by the pipeline"]
    lines[-1] += f" `{lineage.pipeline}`, step `{model.artifact}`."
    lines += ["", "## How good it is", ""]
    lines.append(f"{numbers['rows']:,} rows of `{model.evaluation.data}`, 95 % intervals.")
    lines += ["", "| metric | value | interval |", "|---|---|---|"]
    metrics = cast("Mapping[str, Mapping[str, float]]", numbers["metrics"])
    for name, one in metrics.items():
        lines.append(f"| {name} | {one['value']:.6g} | {one['low']:.6g} to {one['high']:.6g} |")
    lines += _slices(cast("Mapping[str, Mapping[str, Object]]", numbers["slices"]))
    lines += [
        "",
        "## What goes in",
        "",
        "| column | kind | may be missing | seen |",
        "|---|---|---|---|",
    ]
    for field in signature.inputs:
        seen = f"{field.low:g} to {field.high:g}" if field.low is not None else ""
        if field.categories is not None:
            seen = f"{len(field.categories)} categories"
        missing = "yes" if field.nullable else "no"
        lines.append(f"| {field.name} | {field.kind} | {missing} | {seen} |")
    lines += ["", f"Out: {', '.join(signature.outputs())}.", "", "## Proof of the export", ""]
    lines.append(
        f"ONNX and estimator were compared on {parity['rows']:,} rows: largest difference "
        f"{parity['max_abs_diff']:.3g}, {parity['label_mismatches']} other labels."
    )
    lines += ["", "## Where it comes from", ""]
    for name, step in lineage.steps.items():
        lines.append(f"- step `{name}`: `{short(step.key)}`")
    for name, snapshot in lineage.snapshots.items():
        lines.append(f"- data `{name}`: {snapshot['rows']} rows as of {snapshot['as_of']}")
    return "\n".join(lines) + "\n"


def _slices(slices: Mapping[str, Mapping[str, Object]]) -> list[str]:
    lines: list[str] = []
    for column, values in slices.items():
        names = list(cast("Mapping[str, float]", next(iter(values.values()))["metrics"]))
        lines += ["", f"| {column} | rows | {' | '.join(names)} |"]
        lines.append("|---|---|" + "---|" * len(names))
        for value, one in values.items():
            metrics = cast("Mapping[str, float | None]", one["metrics"])
            cells = ["–" if m is None else f"{m:.6g}" for m in metrics.values()]
            lines.append(f"| {value} | {one['rows']:,} | {' | '.join(cells)} |")
    return lines
