"""Metrics of the users' own: their function is called once, as a step is, and its numbers are kept.

The numbers stand in ``predictions.parquet`` beside the answers they are about, so that a reader
needs no code to compute the metric, its interval and a comparison again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlgitops.core.digests import of_value
from mlgitops.core.errors import Refused, StepFailed
from mlgitops.core.keys import Parts, key_of
from mlgitops.core.records import Output, Record
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.pipelines import Step
from mlgitops.core.terms import Terms
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.evaluation import parquet
from mlgitops.flow.seams import Seams
from mlgitops.flow.snapshots import iso

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from mlgitops.ml.labels import Codes, Floats, Own, Scores

_BLOCKS: Final = 100
_EVALUATION: Final = "evaluation"
_OUTPUT: Final = "measured"
_VALUES: Final = "own:"
_TOGETHER: Final = "block:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Where the functions are: a model's spec, and the tree that holds its pipeline."""

    workspace: Workspace
    root: Path
    model: Model


def measure(
    seams: Seams,
    code: Code,
    terms: Terms,
    frame: pd.DataFrame,
    truth: Floats,
    scores: Scores,
) -> Scores:
    """Return ``scores`` with the custom metrics that ``terms`` ask for.

    ``frame``, ``truth`` and ``scores`` hold the same rows. Raises Refused when a function fails, or
    returns no numbers.
    """
    found: dict[str, Own] = {}
    for name in terms.metrics:
        if name in terms.custom:
            seams.say(f"asking {code.model.evaluation.custom[name].run} for {name} …")
            found[name] = _measure(seams, code, terms, name, (frame, truth, scores))
    return replace(scores, own=found)


def own_of(frame: pd.DataFrame, terms: Terms, prefix: str = "") -> dict[str, Own]:
    """Return the custom metrics that ``columns`` wrote, as far as they are there."""
    from mlgitops.ml.labels import Own

    found: dict[str, Own] = {}
    for name, better in terms.custom.items():
        column, together = f"{prefix}{_VALUES}{name}", f"{prefix}{_TOGETHER}{name}"
        if column in frame.columns:
            blocks = frame[together].to_numpy("int64") if together in frame.columns else None
            values = frame[column].to_numpy("float64")
            found[name] = Own(values=values, better=better, blocks=blocks)
    return found


def columns(scores: Scores) -> dict[str, npt.NDArray[np.generic]]:
    """Return the custom metrics as columns, to stand beside the answers."""
    found: dict[str, npt.NDArray[np.generic]] = {}
    for name, own in scores.own.items():
        found[f"{_VALUES}{name}"] = own.values
        if own.blocks is not None:
            found[f"{_TOGETHER}{name}"] = own.blocks
    return found


def _measure(
    seams: Seams,
    code: Code,
    terms: Terms,
    name: str,
    rows: tuple[pd.DataFrame, Floats, Scores],
) -> Own:
    import numpy as np

    from mlgitops.flow.checkout import Checkout, Node
    from mlgitops.flow.jobs import Work
    from mlgitops.flow.steps import execute
    from mlgitops.ml.labels import Own

    frame, truth, scores = rows
    given = {
        "target": _array(seams, truth),
        "prediction": _array(seams, scores.values),
        "blocks": _array(seams, _blocks(frame, terms)),
        "rows": _output(seams, parquet(frame), "parquet"),
    }
    asked = {one: f"{_EVALUATION}.{one}" for one in given}
    run = code.model.evaluation.custom[name].run
    step = Step.model_validate(
        {"name": "metric", "run": run, "inputs": asked, "outputs": {_OUTPUT: "npz"}}
    )
    checkout = Checkout(seams=seams, workspace=code.workspace, root=code.root)
    node = Node(pipeline=code.workspace.pipelines[code.model.pipeline], step=step)
    made = {_EVALUATION: _record(seams, code.model, given)}
    parts = checkout.parts(node, made)
    work = Work(node=node, parts=parts, made=made, threads=1, kind="measure")
    try:
        record = execute(checkout, work, key_of(parts))
    except StepFailed as error:
        raise Refused(
            f"the metric {name!r} of {code.model.name} cannot be computed: {error.message}",
            hint=f"{run} gets target and prediction, and rows if it takes them",
        ) from error
    arrays = np.load(io.BytesIO(seams.store.read(record.outputs[_OUTPUT].digest)))
    blocks = arrays["blocks"]
    return Own(
        values=arrays["values"],
        better=terms.custom[name],
        blocks=blocks if len(blocks) else None,
    )


def _blocks(frame: pd.DataFrame, terms: Terms) -> Codes:
    """Return which rows are drawn together: every 100th, or every 100th cluster."""
    import numpy as np

    from mlgitops.ml.clusters import codes_of

    column = terms.cluster or terms.beside.get("group")
    codes = np.arange(len(frame)) if column is None else codes_of(frame[column])
    return np.asarray(codes % _BLOCKS, dtype=np.int64)


def _array(seams: Seams, values: Any) -> Output:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return _output(seams, buffer.getvalue(), "npy")


def _output(seams: Seams, data: bytes, format: str) -> Output:
    return Output(digest=seams.store.put_bytes(data), format=format, size=len(data))


def _record(seams: Seams, model: Model, outputs: Mapping[str, Output]) -> Record:
    """Return what a step would have recorded that made these outputs."""
    return Record(
        pipeline=model.pipeline,
        step=_EVALUATION,
        key=of_value({name: str(one.digest) for name, one in outputs.items()}),
        parts=Parts(kind="run"),
        outputs=outputs,
        started_at=iso(seams.clock()),
    )
