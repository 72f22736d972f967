"""A step that calls one of numpy's functions: scikit-learn's FunctionTransformer."""

from __future__ import annotations

from typing import Any

from mlgitops.ml.onnx_functions import STEPS
from mlgitops.ml.onnx_graphs import Step


def register() -> None:
    """Make skl2onnx convert a FunctionTransformer with such a function."""
    from skl2onnx import update_registered_converter
    from sklearn.preprocessing import FunctionTransformer

    update_registered_converter(
        FunctionTransformer, "MlgitopsFunctionTransformer", _shape, _convert, overwrite=True
    )


def _shape(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    columns = operator.inputs[0].type.shape[1]
    operator.outputs[0].type = FloatTensorType([None, columns])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    from onnx import TensorProto

    value = operator.inputs[0].full_name
    steps: tuple[Step, ...] = STEPS.get(operator.raw_operator.func, ())
    for kind, constant, attributes in (*steps, ("Identity", None, {})):
        inputs = [value]
        if constant is not None:
            name = scope.get_unique_variable_name("constant")
            shape = list(constant.shape)
            container.add_initializer(name, TensorProto.FLOAT, shape, constant.tolist())
            inputs.append(name)
        last = kind == "Identity"
        goal = operator.outputs[0].full_name if last else scope.get_unique_variable_name("value")
        label = scope.get_unique_operator_name(kind)
        container.add_node(kind, inputs, goal, name=label, **attributes)
        value = goal
