"""``onnx``: a graph that the checker of ONNX accepts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import Description, Format, Rows, named, words


def _write_onnx(value: object, path: Path, rows: Rows) -> Description:
    import onnx

    if isinstance(value, onnx.ModelProto):
        value = value.SerializeToString(deterministic=True)
    if not isinstance(value, bytes):
        raise Refused(f"a graph is wanted, not {named(value)}", hint="return an onnx.ModelProto")
    path.write_bytes(value)
    return _describe_onnx(path, rows)


def _read_onnx(path: Path, types: Sequence[str]) -> object:
    import onnx

    model = onnx.load_model_from_string(path.read_bytes())
    onnx.checker.check_model(model)
    return model


def _describe_onnx(path: Path, rows: Rows) -> Description:
    try:
        _read_onnx(path, ())
    except Exception as error:
        raise Refused(f"{path.name} cannot be read as onnx: {words(error)}") from error
    return Description()


ONNX: Final = Format(write=_write_onnx, read=_read_onnx, describe=_describe_onnx)
