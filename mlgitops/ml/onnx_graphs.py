"""Edits of an ONNX graph until every model has one and the same door.

The door: one input per column, float32 or string of shape (N, 1), named as the column; exactly one
output, float, (N, 1) or (N, classes), whose name is the task's (``core.tasks``). Everything that
reads a model (scorer, server) relies on it. Models are ``onnx.ModelProto`` and changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from mlgitops.core.signatures import Field

if TYPE_CHECKING:
    import onnx

# What skl2onnx counts: names of values that no converter named, and the bodies of its loops.
_COUNTED: Final = re.compile(r"(UU|cdistdf?_)(\d+)(?:UU)?")
# An operator, its constant second input if any, its attributes.
Step: TypeAlias = tuple[str, Any, dict[str, Any]]


def rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Rename values of ``graph``; whoever holds a wanted name already gets another one."""
    wanted = set(names.values()) - set(names)
    mapping = {name: f"{name}__inner" for name in _values(graph) & wanted} | dict(names)
    _apply(graph, mapping)


def renumber(graph: onnx.GraphProto) -> None:
    """Count the names anew that skl2onnx numbers through all models of one process."""
    found: dict[str, str] = {}

    def again(match: re.Match[str]) -> str:
        kind, _ = match.groups()
        number = sum(known.startswith(kind) for known in found.values())
        end = "UU" if kind == "UU" else ""
        return found.setdefault(match[0], f"{kind}{number}{end}")

    # In the order of the nodes: that of the names would not be the same at 9 and at 10.
    met = [name for node in _nodes(graph) for name in (*node.input, *node.output, node.name)]
    ordered = dict.fromkeys([*met, *sorted(_values(graph))])
    _apply(graph, {name: _COUNTED.sub(again, name) for name in ordered})
    for node in _nodes(graph):
        node.name = _COUNTED.sub(again, node.name)


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for inner in _subgraphs(node):
            yield from _nodes(inner)


def set_inputs(model: onnx.ModelProto, sources: Mapping[str, Sequence[Field]]) -> None:
    """Give ``model`` one input per column; ``sources``: the columns that make each old input.

    Several columns are put side by side; numbers are cast to what the old input took, and a column
    becomes a vector where the old input was one.
    """
    from onnx import TensorProto

    graph = model.graph
    old = {value.name: value.type.tensor_type for value in graph.input if value.name in sources}
    fields = [field for group in sources.values() for field in group]
    rename(graph, {name: f"{name}__inner" for name in sources})
    _free(graph, [field.name for field in fields])
    del graph.input[:]
    graph.input.extend(_column_input(field) for field in fields)
    nodes = []
    for name, group in sources.items():
        steps: list[Step] = [("Concat", None, {"axis": 1})] if len(group) > 1 else []
        if old[name].elem_type not in (TensorProto.FLOAT, TensorProto.STRING):
            steps.append(("Cast", None, {"to": old[name].elem_type}))
        if len(old[name].shape.dim) == 1:
            steps.append(("Reshape", np.array([-1]), {}))
        nodes += _chain(graph, steps, [field.name for field in group], f"{name}__inner")
    inner = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *inner])


def set_output(
    model: onnx.ModelProto, old: str, new: str, *, width: int, after: Sequence[Step] = ()
) -> None:
    """Make ``old``, a number tensor, the one output: float32 of shape (N, ``width``).

    One number a row where there should be two is the probability of the second class. A cube
    (labels, N, 2), and a sequence of (N, 2), hold two probabilities a label, of which the second is
    kept; so is the second of two probabilities where one number is wanted. All that only other
    outputs need is dropped. ``after``: what is done to each number at the end.
    """
    from onnx import TensorProto, helper

    graph = model.graph
    kept = next(value for value in graph.output if value.name == old)
    steps: list[Step] = []
    shape = kept.type.tensor_type.shape.dim
    cube = len(shape) == 3
    if kept.type.HasField("sequence_type"):
        steps.append(("ConcatFromSequence", None, {"axis": 0, "new_axis": 1}))
        cube = True
    elif kept.type.tensor_type.elem_type != TensorProto.FLOAT:
        steps.append(("Cast", None, {"to": TensorProto.FLOAT}))
    if len(shape) == 1:
        steps.append(("Reshape", np.array([-1, 1]), {}))
    single = not cube and (len(shape) == 1 or shape[-1].dim_value == 1)
    if cube:
        steps.append(("Gather", np.array(1), {"axis": 2}))
        steps.append(("Transpose", None, {"perm": [1, 0]}))
    if width == 1 and not cube and not single and shape[-1].dim_value == 2:
        steps.append(("Gather", np.array([1]), {"axis": 1}))
        single = True
    elif width == 2 and single:
        # (p) · (-1, 1) + (1, 0) = (1 - p, p)
        steps.append(("Mul", np.array([[-1.0, 1.0]], dtype=np.float32), {}))
        steps.append(("Add", np.array([[1.0, 0.0]], dtype=np.float32), {}))
    steps += after
    # An input may be called "prediction" as well; ONNX gives a name to one value only.
    name = f"{new}_" if new in {value.name for value in graph.input} else new
    raw = f"{name}__raw" if steps else name
    rename(graph, {old: raw})
    if steps:
        _free(graph, [name])
        graph.node.extend(_chain(graph, steps, [raw], name))
    if not cube and not single:
        width = shape[-1].dim_value or width
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]))
    _prune(graph)


def _column_input(field: Field) -> onnx.ValueInfoProto:
    """Return the graph input of one column."""
    from onnx import TensorProto, helper

    kind = TensorProto.STRING if field.kind == "string" else TensorProto.FLOAT
    return helper.make_tensor_value_info(field.name, kind, ["N", 1])


def _prune(graph: onnx.GraphProto) -> None:
    """Remove nodes, constants and inputs that the outputs do not depend on."""
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


def _chain(
    graph: onnx.GraphProto, steps: Sequence[Step], values: Sequence[str], end: str
) -> list[onnx.NodeProto]:
    """Return nodes that do ``steps`` one after the other and give ``end``."""
    from onnx import helper, numpy_helper

    nodes = []
    for number, (kind, constant, attributes) in enumerate(steps or [("Identity", None, {})], 1):
        inputs = list(values)
        if constant is not None:
            inputs.append(f"{end}__{kind}")
            graph.initializer.append(numpy_helper.from_array(constant, inputs[-1]))
        values = [end if number >= len(steps) else f"{end}__{number}"]
        nodes.append(helper.make_node(kind, inputs, values, name=f"{end}__{number}", **attributes))
    return nodes


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
