"""Smaller and quicker forms of a model. Whether one may be used is decided by parity, not here.

Only what every runtime reads: operators of the ONNX standard, no fusions of one runtime or machine.
The same model gives the same bytes.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from mlgitops.core.errors import Refused

if TYPE_CHECKING:
    import onnx

_QUANTIZED = frozenset(
    {"Attention", "Conv", "EmbedLayerNormalization", "Gather", "Gemm", "LSTM", "MatMul"}
)
Way: TypeAlias = Literal["graph", "quantize"]


def optimized(data: bytes, way: Way) -> bytes | None:
    """Return an ONNX model in another form; None when this way changes nothing of its nodes.

    ``graph``: constants folded, what does nothing dropped. ``quantize``: the weights of matrix
    products as 8-bit integers, what goes in is scaled as it comes. Raises Refused, with the
    reason, when it cannot be done.
    """
    from onnx import checker, load_from_string

    if way == "quantize" and not _products(load_from_string(data)):
        return None
    try:
        with tempfile.TemporaryDirectory(prefix="mlgitops-") as folder, _quiet():
            before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
            before.write_bytes(data)
            match way:
                case "graph":
                    _graph(before, after)
                case "quantize":
                    _quantize(before, after)
                case _:
                    assert_never(way)
            made = load_from_string(after.read_bytes())
            _tidy(made, load_from_string(data))
            checker.check_model(made)
    except Exception as error:  # onnxruntime's errors share no base class of their own
        told = str(error).strip().splitlines()
        raise Refused(
            f"onnxruntime cannot do it: {told[0] if told else repr(error)}",
            hint=f"leave `{way}` out of export.optimize",
        ) from error
    if _nodes(made) == _nodes(load_from_string(data)):
        return None
    return bytes(made.SerializeToString(deterministic=True))


def _graph(before: Path, after: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # The further levels write operators that only onnxruntime has, some for this processor.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(after)
    onnxruntime.InferenceSession(str(before), options, providers=["CPUExecutionProvider"])


def _quantize(before: Path, after: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(before, after, weight_type=QuantType.QUInt8, per_channel=False)


def _tidy(made: onnx.ModelProto, old: onnx.ModelProto) -> None:
    """Leave out what the tools add of their own: domains that no node is of, and who wrote it."""
    used = {node.domain for node in made.graph.node} | {""}
    kept = sorted((one for one in made.opset_import if one.domain in used), key=lambda o: o.domain)
    del made.opset_import[:]
    made.opset_import.extend(kept)
    made.producer_name, made.producer_version = old.producer_name, old.producer_version
    made.graph.name, made.graph.doc_string = old.graph.name, old.graph.doc_string
    del made.metadata_props[:]
    made.metadata_props.extend(old.metadata_props)
    del made.graph.value_info[:]


def _products(model: onnx.ModelProto) -> bool:
    return any(node.op_type in _QUANTIZED for node in model.graph.node)


def _nodes(model: onnx.ModelProto) -> list[str]:
    return sorted(f"{node.domain}:{node.op_type}" for node in model.graph.node)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the advice of the tools to themselves: they log to the root of all loggers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
