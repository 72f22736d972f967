"""Transformers of the user's own that say themselves how they are converted.

Such a class has two methods, with the arguments that skl2onnx gives to a shape calculator and to a
converter (https://onnx.ai/sklearn-onnx/): ``onnx_shape(operator)`` sets the type of the outputs,
``onnx_convert(scope, operator, container)`` adds the nodes.
"""

from __future__ import annotations

from typing import Any, Final

_METHODS: Final = ("onnx_shape", "onnx_convert")


def is_one(part: Any) -> bool:
    """Return whether the class of ``part`` brings its converter."""
    return all(callable(getattr(type(part), name, None)) for name in _METHODS)


def register(part: Any) -> None:
    """Make its class known to skl2onnx."""
    from skl2onnx import update_registered_converter

    kind = type(part)
    name = f"{kind.__module__}{kind.__qualname__}".replace(".", "").replace("<locals>", "")
    update_registered_converter(kind, f"Own{name}", _shape, _convert, overwrite=True)


def _shape(operator: Any) -> None:
    operator.raw_operator.onnx_shape(operator)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    operator.raw_operator.onnx_convert(scope, operator, container)
