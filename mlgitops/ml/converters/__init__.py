"""What is converted beyond skl2onnx: converters of our own, and estimators that others stand for.

Whatever is done here is done to a copy; what comes out is held against the estimator itself, as
every export is.
"""

from __future__ import annotations

import copy
from typing import Any

from mlgitops.ml.converters import boosting, functions, gaps, own
from mlgitops.ml.converters.rewriting import rewritten, unfolded
from mlgitops.ml.convertible import parts
from mlgitops.ml.onnx_graphs import Step


def prepared(estimator: Any) -> tuple[Any, tuple[Step, ...]]:
    """Return a copy of ``estimator`` that can be converted, and what is left to do to its answer.

    Raises Refused, naming what to install, when the package that converts a part is not there.
    """
    estimator, after = unfolded(rewritten(copy.deepcopy(estimator)))
    for path, part in parts(estimator):
        kind = type(part).__name__
        if boosting.is_one(part):
            boosting.register(path, part)
            boosting.prepare(part)
        elif own.is_one(part):
            own.register(part)
        elif kind == "FunctionTransformer":
            functions.register()
        elif kind == "MissingIndicator":
            gaps.register()
    return estimator, after
