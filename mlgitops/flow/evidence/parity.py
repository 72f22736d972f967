"""The proof that the ONNX answers what the estimator answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlgitops.core.releases import Object
from mlgitops.flow.evaluation import rounded
from mlgitops.flow.evidence.parts import Held

if TYPE_CHECKING:
    from mlgitops.ml.parity import Parity


def summary(parity: Parity) -> Object:
    """Return what the release document says of the proof."""
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


def problems(held: Held) -> Iterator[str]:
    """Compare the recorded answers of both again."""
    import numpy as np

    gaps = np.abs(held.scores.values - held.expected.values)
    worst = rounded(float(gaps.max(initial=0.0)))
    if worst != held.document.parity["max_abs_diff"]:
        claimed = held.document.parity["max_abs_diff"]
        yield f"parity: /max_abs_diff is {claimed}, and must be {worst}"
