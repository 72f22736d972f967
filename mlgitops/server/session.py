"""One released model, loaded and proved on this runtime before it answers anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar, cast

import msgspec
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from mlgitops.core import signatures
from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import MlgitopsError, Refused, StoreError
from mlgitops.core.signatures import Signature
from mlgitops.ml.labels import labels_of
from mlgitops.server.columns import Column, Columns
from mlgitops.server.golden import Golden, difference
from mlgitops.server.release import Release

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_ONNX_TYPES = {"number": "tensor(float)", "string": "tensor(string)"}
_REFUSALS = (
    ort.capi.onnxruntime_pybind11_state.Fail,
    ort.capi.onnxruntime_pybind11_state.InvalidArgument,
)


class _Node(Protocol):
    """An input or output of an ONNX graph, as onnxruntime describes it."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shape(self) -> Sequence[int | str | None]: ...


class _Runtime(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used here."""

    def get_inputs(self) -> Sequence[_Node]: ...
    def get_outputs(self) -> Sequence[_Node]: ...
    def run(self, names: list[str], feed: dict[str, Column]) -> list[NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A model that answers rows.

    ``refusal``: why it must not be used; None: it is ready. ``output``: the graph's one float
    output, of shape [n, 1] or [n, classes].
    """

    release: Release
    signature: Signature
    refusal: str | None
    runtime: _Runtime
    output: str
    classes: NDArray[np.object_]

    @classmethod
    def load(cls, directory: Path) -> Session:
        """Load ``release.json``, ``signature.json``, ``golden.json`` and ``model.onnx``.

        A runtime that answers the golden rows otherwise than the release gives a session with a
        ``refusal``. Raises StoreError when a file is missing or altered, MlgitopsError when the
        files do not make a model.
        """
        release = _decode(directory / "release.json", Release)
        for name, digest in release.files.items():
            found = of_bytes(_read(directory / name))
            if found != digest:
                raise StoreError(
                    f"{directory / name} is {found}, and the release says {digest}",
                    hint="fetch the release again: its bytes were altered on the way or on disk",
                )
        signature = _signature(directory / "signature.json")
        runtime = _open(directory / "model.onnx")
        _check_inputs(signature, runtime)
        session = cls(
            release=release,
            signature=signature,
            refusal=None,
            runtime=runtime,
            output=_float_output(signature, runtime),
            classes=np.array(signature.classes, dtype=np.object_),
        )
        golden = _decode(directory / "golden.json", Golden)
        told = difference(golden, signature, session.infer)
        if told is not None:
            return replace(session, refusal=f"{told} (onnxruntime {ort.__version__})")
        return session

    def infer(self, columns: Columns) -> dict[str, Column]:
        """Answer rows, each column [n]; return the outputs by name.

        ``label`` is strings [n], the numbers are float32, [n] or [n, classes] (``core.tasks``).
        Raises Refused when the golden rows failed, when the graph itself refuses a value (an
        encoder that knows no other category), or answers NaN or infinity.
        """
        if self.refusal is not None:
            raise Refused(self.refusal)
        feed = {name: values.reshape(-1, 1) for name, values in columns.items()}
        try:
            found = self.runtime.run([self.output], feed)[0]
        except _REFUSALS as error:
            reason = str(error).rpartition("Status Message: ")[2]
            raise Refused(f"the model refuses these values: {reason}") from error
        finite = np.isfinite(found)
        if not finite.all():
            row = int(np.argwhere(~finite)[0][0])
            raise Refused(f"row {row}: the model has no finite answer for these values")
        answer = self.signature.answer
        if answer.second:
            found = np.ascontiguousarray(found[:, 1])
        elif not answer.wide:
            found = found.reshape(-1)
        if answer.rule is None or answer.rule == "each":
            return {answer.number: found}
        return {"label": self.classes[labels_of(answer.rule, found)], answer.number: found}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"cannot read {path}: {error.strerror}", hint="is this the directory of a release?"
        ) from error


def _decode(path: Path, kind: type[_Struct]) -> _Struct:
    try:
        return msgspec.json.decode(_read(path), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MlgitopsError(f"{path}: {error}", hint="release the model again") from error


def _signature(path: Path) -> Signature:
    try:
        return signatures.from_json(msgspec.json.decode(_read(path)))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MlgitopsError(f"{path}: {error}", hint="release the model again") from error


def _open(path: Path) -> _Runtime:
    options = ort.SessionOptions()
    # Explicit, because the default asks the machine for its cores and dies under a cpuset
    # (microsoft/onnxruntime#10113); one request is far too small to be worth a second thread.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors come as exceptions; stderr belongs to the command line
    try:
        session = ort.InferenceSession(_read(path), options, providers=["CPUExecutionProvider"])
    except StoreError:
        raise
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise MlgitopsError(
            f"onnxruntime {ort.__version__} cannot load {path}: {error}",
            hint="release the model again with a runtime of this version",
        ) from error
    return cast(_Runtime, session)


def _check_inputs(signature: Signature, runtime: _Runtime) -> None:
    wanted = {field.name: _ONNX_TYPES.get(field.kind, field.kind) for field in signature.inputs}
    found = {node.name: node.type for node in runtime.get_inputs()}
    odd = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    if odd:
        told = ", ".join(f"{n!r}: signature {wanted.get(n)}, model {found.get(n)}" for n in odd)
        raise MlgitopsError(
            f"the signature does not describe the model ({told})", hint="release the model again"
        )


def _float_output(signature: Signature, runtime: _Runtime) -> str:
    width = signature.answer.columns(len(signature.classes))
    floats = [node for node in runtime.get_outputs() if node.type == "tensor(float)"]
    if len(floats) != 1 or (isinstance(last := floats[0].shape[-1], int) and last != width):
        told = ", ".join(f"{node.name!r} {node.type}" for node in runtime.get_outputs())
        raise MlgitopsError(
            f"the model needs one float output of width {width} and has: {told}",
            hint="export classifiers with zipmap off, and name all classes in the signature",
        )
    return floats[0].name
