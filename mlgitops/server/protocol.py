"""The Open Inference Protocol v2 (REST): requests into columns, outputs into answers.

With the binary tensor extension in both directions: the header ``Inference-Header-Content-Length``
gives the length of the JSON, and tensors follow it in the order in which the JSON names them.
https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import orjson

from mlgitops.core.signatures import Signature
from mlgitops.server.columns import Column, Columns
from mlgitops.server.malformed import unreadable
from mlgitops.server.release import Release
from mlgitops.server.tensors import BadRequest, Tensor, column, row_ids, rows, told

EXTENSIONS = ("binary_tensor_data",)
PLATFORM = "onnx_onnxv1"

# Extensions of Triton that change what an answer means: not known here, so never ignored.
_UNKNOWN_OUTPUT_PARAMETERS = ("classification", "shared_memory_region")


class _Output(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    parameters: dict[str, Any] | None = None


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[_Output] | None = None


_DECODER = msgspec.json.Decoder(_Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A checked request: columns [rows] by input name, and the outputs asked for.

    ``outputs``: name → whether it is wanted as binary tensor data.
    """

    id: str | None
    columns: Columns
    rows: int
    row_ids: list[str] | list[int] | None
    outputs: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The body of an answer; ``header``: the length of its JSON when binary data follows it."""

    body: bytes
    header: int | None


class Contract:
    """What a request must look like for one signature."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._fields = {field.name: field for field in signature.inputs}
        self._outputs = signature.outputs()
        self._all = dict.fromkeys(self._outputs, False)

    def decode(self, body: bytes, header: int | None) -> Request:
        """Return the checked request; raise BadRequest naming field, row, expected and found.

        ``header``: the length of the JSON in ``body`` when binary tensor data follows it.
        """
        if header is not None and not 0 <= header <= len(body):
            raise BadRequest(f"the JSON is said to have {header} bytes, the body has {len(body)}")
        text = body if header is None else body[:header]
        try:
            message = _DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise unreadable(text, error) from error
        tail = memoryview(b"" if header is None else body)[len(text) :]
        return self._check(message, tail)

    def _check(self, message: _Message, tail: memoryview) -> Request:
        columns: dict[str, Column] = {}
        ids: list[str] | list[int] | None = None
        count = 0
        for tensor in message.inputs:
            name = tensor.name
            field = self._fields.get(name)
            if field is None and name != self._signature.row_id:
                raise self._unknown(name)
            if name in columns or (name == self._signature.row_id and ids is not None):
                raise BadRequest(f"input {name!r} came twice", field=name)
            found = rows(tensor)
            if count not in (0, found):
                asks = f"{count} rows as in {message.inputs[0].name!r}"
                raise BadRequest(f"input {name!r}: expected {asks}, got {found}", field=name)
            count = found
            binary, tail = _binary(tensor, tail)
            if field is not None:
                columns[name] = column(field, tensor, binary)
            if name == self._signature.row_id:
                ids = row_ids(tensor, binary)
        if len(columns) != len(self._fields):
            missing = [name for name in self._fields if name not in columns]
            asks = f"expected {_listed(self._fields)}, and {_listed(missing)} did not come"
            raise BadRequest(f"inputs: {asks}", field=missing[0])
        if tail:
            raise BadRequest(f"{len(tail)} bytes of binary data belong to no input")
        wanted = self._wanted(message)
        return Request(id=message.id, columns=columns, rows=count, row_ids=ids, outputs=wanted)

    def _unknown(self, name: str) -> BadRequest:
        close = difflib.get_close_matches(name[:100], self._fields, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        shown = repr(name if len(name) <= 60 else name[:60] + "…")
        return BadRequest(f"input {shown}: expected one of {_listed(self._fields)}{hint}")

    def _wanted(self, message: _Message) -> Mapping[str, bool]:
        binary = _flag(message.parameters, "binary_data_output", False)
        if not message.outputs:
            return dict.fromkeys(self._outputs, binary) if binary else self._all
        wanted: dict[str, bool] = {}
        for output in message.outputs:
            if output.name not in self._outputs or output.name in wanted:
                asks = f"expected one of {_listed(self._outputs)}, each once"
                raise BadRequest(f"output {output.name[:60]!r}: {asks}")
            for parameter in _UNKNOWN_OUTPUT_PARAMETERS:
                if output.parameters and parameter in output.parameters:
                    raise BadRequest(f"output {output.name!r}: {parameter!r} is not known here")
            wanted[output.name] = _flag(output.parameters, "binary_data", binary)
        return wanted


def encode(release: Release, request: Request, identifier: str, outputs: Columns) -> Answer:
    """Return the answer in the protocol's form: the outputs asked for, as they were asked for."""
    tensors: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for name, binary in request.outputs.items():
        values = outputs[name]
        strings = values.dtype == np.object_
        tensor: dict[str, Any] = {
            "name": name,
            "datatype": "BYTES" if strings else "FP32",
            "shape": values.shape,
        }
        if binary:
            packed = _pack(values)
            tail.append(packed)
            tensor["parameters"] = {"binary_data_size": len(packed)}
        else:
            tensor["data"] = values.tolist() if strings else values.reshape(-1)
        tensors.append(tensor)
    message = {
        "model_name": release.model,
        "model_version": release.version,
        "id": identifier,
        "outputs": tensors,
    }
    text = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
    if not tail:
        return Answer(body=text, header=None)
    return Answer(body=b"".join([text, *tail]), header=len(text))


def describe(signature: Signature, release: Release) -> bytes:
    """Return the model metadata; version, digest and pass-through input are its parameters."""
    kinds = {"number": "FP32", "string": "BYTES"}
    shapes = signature.shapes()
    parameters = {"version": release.version, "digest": release.digest}
    if signature.row_id is not None:
        parameters["row_id"] = signature.row_id
    message = {
        "name": release.model,
        "versions": [release.version],
        "platform": PLATFORM,
        "inputs": [
            {"name": field.name, "datatype": kinds[field.kind], "shape": [-1]}
            for field in signature.inputs
        ],
        "outputs": [
            {
                "name": name,
                "datatype": "BYTES" if name == "label" else "FP32",
                "shape": shapes[name],
            }
            for name in signature.outputs()
        ],
        "parameters": parameters,
    }
    return orjson.dumps(message)


def _binary(tensor: Tensor, tail: memoryview) -> tuple[memoryview | None, memoryview]:
    """Return the tensor's own bytes (None: its data is in the JSON) and what follows them."""
    size = (tensor.parameters or {}).get("binary_data_size")
    if size is None:
        return None, tail
    name = tensor.name
    if tensor.data is not None:
        raise BadRequest(f"input {name!r}: came as data and as binary data", field=name)
    if type(size) is not int or not 0 <= size <= len(tail):
        wanted = f"binary_data_size as a number up to the {len(tail)} bytes that follow"
        raise BadRequest(f"input {name!r}: expected {wanted}, got {told(size)}", field=name)
    return tail[:size], tail[size:]


def _pack(values: Column) -> bytes:
    if values.dtype != np.object_:
        return values.astype("<f4").tobytes()
    texts = [str(value).encode() for value in values]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def _flag(parameters: Mapping[str, Any] | None, name: str, default: bool) -> bool:
    value = default if parameters is None else parameters.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f"parameter {name!r}: expected true or false, got {told(value)}")
    return value


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - 20} more" if len(known) > 20 else ""
    return ", ".join(repr(name) for name in known[:20]) + more
