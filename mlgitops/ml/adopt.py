"""A ready-made ONNX model, from any framework, brought to the same door as our own exports.

Takes tensors only: either one input per column, or one matrix (N, columns) of numbers. There is no
estimator to prove it against; the release says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlgitops.core.errors import Refused
from mlgitops.core.signatures import Field, Signature
from mlgitops.core.tasks import ANSWERS, Task
from mlgitops.ml import onnx_graphs
from mlgitops.ml.columns import fields_of
from mlgitops.ml.export import Exported

if TYPE_CHECKING:
    import onnx
    import pandas as pd


def adopt(
    data: bytes,
    frame: pd.DataFrame,
    *,
    task: Task,
    classes: tuple[str, ...],
    row_id: str | None,
    tolerance: float,
) -> Exported:
    """Return ``data``, an ONNX model, with the inputs and the output that everything else expects.

    ``frame``: rows like those that the model will meet. A model with an input per column takes
    them by name; one with a matrix takes all columns of ``frame`` in their order, so it must hold
    the inputs and nothing else. ``classes``: in the order of the model's probabilities; of a
    clustering they may be left out, and are as many as the model has numbers.

    Raises Refused when it is no ONNX model, or has inputs or outputs that a table does not give.
    """
    from onnx import checker

    model = _read(data)
    constants = {value.name for value in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    matrix = len(inputs) == 1 and _width(inputs[0]) != 1
    names = [str(name) for name in frame.columns] if matrix else [one.name for one in inputs]
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise Refused(
            f"the model takes {absent[0]!r}, which the data lacks",
            hint=f"the data has {', '.join(map(str, frame.columns))}",
        )
    fields = fields_of(frame, names)
    _check_gaps(inputs, fields)
    if matrix:
        _check_matrix(inputs[0], fields)
        onnx_graphs.set_inputs(model, {inputs[0].name: fields})
    else:
        for value, field in zip(inputs, fields, strict=True):
            _check_column(value, field)
        onnx_graphs.set_inputs(model, {f.name: [f] for f in fields})
    if task == "clustering" and not classes:
        classes = _clusters(model)
    output = _output(model, task, len(classes))
    width = ANSWERS[task].columns(len(classes))
    onnx_graphs.set_output(model, output, ANSWERS[task].graph, width=width)
    checker.check_model(model)
    used = {value.name for value in model.graph.input}
    return Exported(
        onnx=model.SerializeToString(deterministic=True),
        signature=Signature(
            task=task,
            inputs=tuple(field for field in fields if field.name in used),
            classes=classes,
            row_id=row_id,
            tolerance=tolerance,
        ),
        notes=("handed over as ONNX: there is no estimator to compare it with",),
    )


def _read(data: bytes) -> onnx.ModelProto:
    import onnx

    try:
        model = onnx.load_from_string(data)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's and the checker's errors share no base class
        raise Refused(
            f"this is no whole ONNX model: {str(error).splitlines()[0]}",
            hint="export it again, with its weights inside the file",
        ) from error
    return model


def _width(value: onnx.ValueInfoProto) -> int | None:
    """Return how many numbers of a row an input or output holds; None when the graph is silent."""
    shape = value.type.tensor_type.shape.dim
    if len(shape) == 1:
        return 1
    if len(shape) != 2:
        raise Refused(
            f"{value.name!r} of the model has {len(shape)} dimensions; a table gives two",
            hint="export it so that it takes rows and columns",
        )
    return shape[1].dim_value or None


def _check_matrix(matrix: onnx.ValueInfoProto, fields: tuple[Field, ...]) -> None:
    width = _width(matrix)
    words = [field.name for field in fields if field.kind == "string"]
    if words or width not in (None, len(fields)):
        found = f"{words[0]!r} holds strings" if words else f"the data has {len(fields)} columns"
        raise Refused(
            f"the model takes a matrix of {width or 'some'} numbers a row, and {found}",
            hint="give it the model's inputs in order, and nothing else",
        )


def _check_column(value: onnx.ValueInfoProto, field: Field) -> None:
    from onnx import TensorProto

    kind = "string" if value.type.tensor_type.elem_type == TensorProto.STRING else "number"
    if _width(value) not in (None, 1) or kind != field.kind:
        raise Refused(
            f"the model takes {_width(value) or 1} {kind}(s) a row as {value.name!r}, and the data"
            f" holds one {field.kind} there",
            hint="export the model with one input per column, or with one matrix",
        )


def _check_gaps(inputs: list[onnx.ValueInfoProto], fields: tuple[Field, ...]) -> None:
    from onnx import TensorProto

    known = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.STRING)
    whole = {one.name for one in inputs if one.type.tensor_type.elem_type not in known}
    for field in fields:
        if field.nullable and (field.name in whole or (whole and len(inputs) == 1)):
            raise Refused(
                f"{field.name!r} is missing in some rows, and the model takes integers, which know"
                " no NaN",
                hint="fill it in the features step",
            )


def _clusters(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return the names of the clusters, which are numbers."""
    from onnx import TensorProto

    floats = (TensorProto.FLOAT, TensorProto.DOUBLE)
    for value in model.graph.output:
        if value.type.tensor_type.elem_type in floats and (width := _width(value)):
            return tuple(str(number) for number in range(width))
    raise Refused(
        "the model does not say how many clusters there are",
        hint="name them in export.classes, or export its output with the shape (rows, clusters)",
    )


def _output(model: onnx.ModelProto, task: Task, classes: int) -> str:
    """Return the output that holds predictions or probabilities."""
    from onnx import TensorProto

    width = ANSWERS[task].columns(classes)
    widths = (None, 1, width) if ANSWERS[task].second else (None, width)
    for value in model.graph.output:
        numbers = value.type.tensor_type.elem_type in (TensorProto.FLOAT, TensorProto.DOUBLE)
        if numbers and _width(value) in widths:
            return str(value.name)
    raise Refused(
        f"the model has no output for {task}: "
        + ", ".join(value.name for value in model.graph.output),
        hint="it needs a float tensor (rows, 1), or (rows, classes) with `zipmap` off",
    )
