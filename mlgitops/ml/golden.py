"""Golden rows: a few rows with the estimator's own answers; a server checks them before serving."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from mlgitops.core.digests import JSON
from mlgitops.core.signatures import Field, Signature
from mlgitops.ml.columns import column
from mlgitops.ml.labels import Codes, Mask, Scores

if TYPE_CHECKING:
    import pandas as pd

MOST = 32
# A row this close to a tie is decided by the last bit of a sum, which no two runtimes share.
_TIE = 1e-3


def golden(frame: pd.DataFrame, signature: Signature, expected: Scores) -> dict[str, JSON]:
    """Return ``golden.json``: at most 32 rows of ``frame`` with the estimator's answers for them.

    Chosen by position and value alone: the rows where an input is smallest, largest or missing,
    then rows spread over the frame. Rows near a tie between classes are left out. Numbers are
    float32-exact; a missing one is null.
    """
    rows = _chosen(frame, signature, expected)
    taken = frame.iloc[rows]
    inputs: dict[str, JSON] = {field.name: _plain(taken, field) for field in signature.inputs}
    outputs = _outputs(signature, expected.take(rows))
    return {"inputs": inputs, "outputs": outputs}


def _chosen(frame: pd.DataFrame, signature: Signature, expected: Scores) -> Codes:
    usable = np.flatnonzero(_decided(expected))
    telling: list[int] = []
    for field in signature.inputs:
        if field.kind != "number":
            continue
        values = column(frame, field).astype(np.float64)[usable]
        missing = np.isnan(values)
        known = usable[~missing]
        if missing.any():
            telling.append(int(usable[missing][0]))
        if len(known):
            ordered = values[~missing]
            telling += [int(known[ordered.argmin()]), int(known[ordered.argmax()])]
    spread = usable[np.linspace(0, len(usable) - 1, num=min(MOST, len(usable))).astype(np.int64)]
    # Half of the room belongs to the spread: many columns must not crowd out ordinary rows.
    kept = list(dict.fromkeys(telling))[: MOST // 2]
    for row in spread.tolist():
        if len(kept) < MOST and row not in kept:
            kept.append(row)
    return np.array(sorted(kept), dtype=np.int64)


def _decided(expected: Scores) -> Mask:
    values = expected.values
    finite: Mask = np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    match expected.task:
        case "regression":
            return finite
        case "binary-classification":
            return np.asarray(finite & (np.abs(values - 0.5) > _TIE))
        case "multiclass-classification":
            best = np.sort(values, axis=1)
            return np.asarray(finite & (best[:, -1] - best[:, -2] > _TIE))


def _plain(frame: pd.DataFrame, field: Field) -> JSON:
    values = column(frame, field)
    if field.kind == "string":
        return [str(value) for value in values]
    return [None if np.isnan(value) else float(value) for value in values]


def _outputs(signature: Signature, answers: Scores) -> dict[str, JSON]:
    values = cast("list[JSON]", answers.values.tolist())
    codes = answers.labels()
    if codes is None:
        return {"prediction": values}
    labels: list[JSON] = [signature.classes[code] for code in codes.tolist()]
    name = "score" if signature.task == "binary-classification" else "probabilities"
    return {"label": labels, name: values}
