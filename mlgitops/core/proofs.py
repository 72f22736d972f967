"""What a release document says of the proof that the ONNX answers what was trained, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from mlgitops.core.digests import JSON

HANDED_OVER = "handed over as ONNX: there is no estimator to compare it with"


def handed_over(parity: Mapping[str, JSON]) -> bool:
    """Return whether the model came as ONNX, so that nothing could be compared."""
    return parity.get("handed_over") is True


def told(parity: Mapping[str, JSON]) -> str:
    """Return what was compared and found, as people read it."""
    if handed_over(parity):
        return HANDED_OVER
    over, other = cast(int, parity["rows_over"]), cast(int, parity["label_mismatches"])
    rows, worst = cast(int, parity["rows"]), cast(float, parity["max_abs_diff"])
    text = f"{rows:,} rows, largest difference {worst:.2g}, {other} other labels"
    text += f", {over} rows over the tolerance" if over else ""
    beside = cast("Mapping[str, int] | None", parity.get("adversarial"))
    if beside is None:
        return text
    wrong = max(beside["rows_over"], beside["label_mismatches"])
    text += f"; {beside['rows']:,} adversarial rows, "
    text += f"{wrong} answered otherwise" if wrong else "none answered otherwise"
    return text
