"""Scoring rows with a released model, as the server does: onnxruntime, one thread, CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlgitops.core.errors import Refused
from mlgitops.core.signatures import Signature
from mlgitops.core.tasks import ANSWERS, Task
from mlgitops.ml.columns import column
from mlgitops.ml.labels import Floats, Scores

if TYPE_CHECKING:
    import pandas as pd

# Bounds memory whatever the frame: strings and one-hot columns of so many rows at once.
CHUNK = 8192


class Scorer:
    """A model in onnxruntime. Raises Refused when the bytes are no model for the signature."""

    def __init__(self, onnx: bytes, signature: Signature) -> None:
        self.signature = signature
        self._session = session(onnx)
        wanted = {field.name for field in signature.inputs}
        found = {value.name for value in self._session.get_inputs()}
        if wanted != found or len(self._session.get_outputs()) != 1:
            raise Refused(
                f"the ONNX model takes {sorted(found)} and the signature says {sorted(wanted)}",
                hint="release the model again: both are written together",
            )

    def score(self, frame: pd.DataFrame) -> Scores:
        """Return what the model answers for each row, in float64.

        ``frame``: at least the model's inputs, as pandas holds them (float64 is rounded to float32
        as it is at the server's door). Raises Refused, naming the column, for values that the
        signature does not allow.
        """
        pieces = [
            self._run(frame.iloc[start : start + CHUNK])
            for start in range(0, max(len(frame), 1), CHUNK)
        ]
        return Scores(task=self.signature.task, values=np.concatenate(pieces))

    def singles(self, frame: pd.DataFrame) -> Iterator[Callable[[], object]]:
        """Yield a call for each row that scores it alone, its columns prepared: to be timed."""
        feeds = self.feeds(frame)
        for row in range(len(frame)):
            one = {name: values[row : row + 1] for name, values in feeds.items()}
            yield partial(self._session.run, None, one)

    def feeds(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Return the model's inputs by name, [n, 1] each; Refused, naming the column."""
        return {field.name: column(frame, field).reshape(-1, 1) for field in self.signature.inputs}

    def _run(self, frame: pd.DataFrame) -> Floats:
        return self.answer(self.feeds(frame))

    def answer(self, feeds: Mapping[str, Any]) -> Floats:
        """Return ``Scores.values`` for inputs as ``feeds`` gives them; nobody checks them here."""
        try:
            (raw,) = self._session.run(None, feeds)
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise Refused(
                f"the ONNX model fails on these rows: {str(error).splitlines()[0]}",
                hint="is a category or a value among them that the model cannot take?",
            ) from error
        return shaped(raw, self.signature.task, len(self.signature.classes))


def shaped(raw: Any, task: Task, classes: int) -> Floats:
    """Return a model's raw output as ``Scores.values``: (n,) or, for several classes, (n, k)."""
    values: Floats = np.asarray(raw, dtype=np.float64)
    answer = ANSWERS[task]
    width = values.shape[1] if values.ndim == 2 else 1
    if width != answer.columns(classes):
        raise Refused(
            f"the model answers {width} numbers a row; the task is {task}"
            + (f" with {classes} classes" if classes else ""),
            hint="look at `task:` in model.yaml and at the output of the model",
        )
    if answer.chance:
        # float32 sums over a hundred trees end at 1.0000001, and metrics refuse such a probability.
        values = np.clip(values, 0.0, 1.0)
    if answer.wide:
        return values
    return values[:, 1] if answer.second else values.reshape(-1)


def session(onnx: bytes) -> Any:
    """Return the model in onnxruntime, as it is served; Refused when it does not load."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Not set, onnxruntime takes all cores it sees and fails where a container may use fewer.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise Refused(
            f"onnxruntime cannot load the model: {str(error).splitlines()[0]}",
            hint="is it an ONNX file, whole, and of an opset that this onnxruntime knows?",
        ) from error
