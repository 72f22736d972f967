"""numpy's functions that ONNX has, each as nodes of a graph."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlgitops.ml.onnx_graphs import Step

_ONE: Final = np.array([1.0], dtype=np.float32)
# Each as ONNX nodes, one after the other.
STEPS: Final[dict[Any, tuple[Step, ...]]] = {
    np.abs: (("Abs", None, {}),),
    np.ceil: (("Ceil", None, {}),),
    np.exp: (("Exp", None, {}),),
    np.expm1: (("Exp", None, {}), ("Sub", _ONE, {})),
    np.floor: (("Floor", None, {}),),
    np.log: (("Log", None, {}),),
    np.log1p: (("Add", _ONE, {}), ("Log", None, {})),
    np.negative: (("Neg", None, {}),),
    np.reciprocal: (("Reciprocal", None, {}),),
    np.sign: (("Sign", None, {}),),
    np.sqrt: (("Sqrt", None, {}),),
    np.square: (("Pow", np.array([2.0], dtype=np.float32), {}),),
    np.tanh: (("Tanh", None, {}),),
}


def known(function: Any, arguments: Any) -> bool:
    """Return whether ``function`` has a form in ONNX; one with arguments of its own has none."""
    return not arguments and (function is None or _among(function))


def _among(function: Any) -> bool:
    try:
        return function in STEPS
    except TypeError:  # what cannot be hashed
        return False
