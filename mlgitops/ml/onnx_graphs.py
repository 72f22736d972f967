"""Edits of an ONNX graph until every model has one and the same door.

The door: one input per column, float32 or string of shape (N, 1), named as the column; exactly one
output, ``prediction`` (N, 1) or ``probabilities`` (N, classes), float. Everything that reads a
model (scorer, server) relies on it. Models are ``onnx.ModelProto`` and changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlgitops.core.signatures import Field, Task

if TYPE_CHECKING:
    import onnx


def output_name(task: Task) -> str:
    """Return the name of a model's one output."""
    return "prediction" if task == "regression" else "probabilities"


def rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Rename values of ``graph``; whoever holds a wanted name already gets another one."""
    wanted = set(names.values()) - set(names)
    mapping = {name: f"{name}__inner" for name in _values(graph) & wanted} | dict(names)
    _apply(graph, mapping)


def columns_from_matrix(model: onnx.ModelProto, fields: Sequence[Field]) -> None:
    """Replace the one input of shape (N, columns) by one input per column."""
    from onnx import helper

    graph = model.graph
    matrix = graph.input[0].name
    rename(graph, {matrix: "matrix__inner"})
    _free(graph, [field.name for field in fields])
    del graph.input[:]
    graph.input.extend(column_input(field) for field in fields)
    concat = helper.make_node(
        "Concat", [field.name for field in fields], ["matrix__inner"], name="columns", axis=1
    )
    graph.node.insert(0, concat)


def column_input(field: Field) -> onnx.ValueInfoProto:
    """Return the graph input of one column."""
    from onnx import TensorProto, helper

    kind = TensorProto.STRING if field.kind == "string" else TensorProto.FLOAT
    return helper.make_tensor_value_info(field.name, kind, ["N", 1])


def keep_output(model: onnx.ModelProto, old: str, new: str) -> None:
    """Keep one output, call it ``new``, and drop the others and all that only they need."""
    graph = model.graph
    kept = next(value for value in graph.output if value.name == old)
    del graph.output[:]
    graph.output.extend([kept])
    if old != new:
        # An input may be called "prediction" as well; ONNX gives a name to one value only.
        taken = {value.name for value in graph.input}
        rename(graph, {old: f"{new}_" if new in taken else new})
    prune(model)


def prune(model: onnx.ModelProto) -> None:
    """Remove nodes, constants and inputs that the outputs do not depend on."""
    graph = model.graph
    needed = {value.name for value in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(node.input)
            for inner in _subgraphs(node):
                needed |= _values(inner)
    nodes.reverse()
    inputs = [value for value in graph.input if value.name in needed]
    constants = [value for value in graph.initializer if value.name in needed]
    del graph.node[:], graph.input[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.input.extend(inputs)
    graph.initializer.extend(constants)


def _free(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    """Rename inner values that stand in the way of ``names``."""
    _apply(graph, {name: f"{name}__inner" for name in _values(graph) & set(names)})


def _apply(graph: onnx.GraphProto, mapping: Mapping[str, str]) -> None:
    for value in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        value.name = mapping.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [mapping.get(name, name) for name in node.input]
        node.output[:] = [mapping.get(name, name) for name in node.output]
        for inner in _subgraphs(node):
            _apply(inner, mapping)


def _values(graph: onnx.GraphProto) -> set[str]:
    found = {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
    for node in graph.node:
        found |= set(node.input) | set(node.output)
        for inner in _subgraphs(node):
            found |= _values(inner)
    return found


def _subgraphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]
