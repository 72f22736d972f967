"""Converters beyond those of skl2onnx: made known to it before an export, and only when needed."""

from __future__ import annotations

import copy
from typing import Any

from mlgitops.ml.converters import boosting
from mlgitops.ml.convertible import parts


def register(estimator: Any) -> None:
    """Make known what is needed to convert ``estimator``.

    Raises Refused, naming what to install, when the package that converts a part is not there.
    """
    for path, part in parts(estimator):
        if boosting.is_one(part):
            boosting.register(path, part)


def prepared(estimator: Any) -> Any:
    """Return ``estimator``, or a copy that answers the same and that can be converted."""
    if not any(boosting.is_one(part) for _, part in parts(estimator)):
        return estimator
    estimator = copy.deepcopy(estimator)
    for _, part in parts(estimator):
        if boosting.is_one(part):
            boosting.prepare(part)
    return estimator
