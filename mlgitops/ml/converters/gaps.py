"""Which values are missing, as columns of their own: scikit-learn's MissingIndicator."""

from __future__ import annotations

from typing import Any


def register() -> None:
    """Make skl2onnx convert a MissingIndicator, which says of NaN alone."""
    from skl2onnx import update_registered_converter
    from sklearn.impute import MissingIndicator

    update_registered_converter(
        MissingIndicator, "MlgitopsMissingIndicator", _shape, _convert, overwrite=True
    )


def _shape(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].type = FloatTensorType([None, len(operator.raw_operator.features_)])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    from onnx import TensorProto

    chosen = [int(place) for place in operator.raw_operator.features_]
    missing, numbers, places = (
        scope.get_unique_variable_name(name) for name in ("missing", "numbers", "places")
    )
    container.add_initializer(places, TensorProto.INT64, [len(chosen)], chosen)
    label = scope.get_unique_operator_name
    container.add_node("IsNaN", operator.inputs[0].full_name, missing, name=label("IsNaN"))
    container.add_node("Cast", missing, numbers, to=TensorProto.FLOAT, name=label("Cast"))
    goal = operator.outputs[0].full_name
    container.add_node("Gather", [numbers, places], goal, axis=1, name=label("Gather"))
