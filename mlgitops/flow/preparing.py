"""What the workers of a step will import, so that an executor may have it imported before."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

from mlgitops.core.specs.pipelines import PythonSource
from mlgitops.executor import Worker
from mlgitops.flow.checkout import Checkout, Node

# The slow part of what each format is read and written with. A format that is not named here is
# read with the standard library, or with what takes no fork well (the runtime of ONNX).
_OF_FORMAT: Final = {
    "parquet": ("numpy", "pandas", "pyarrow.parquet", "pyarrow.compute"),
    "csv": ("numpy", "pandas"),
    "npy": ("numpy",),
    "npz": ("numpy",),
    "estimator": ("sklearn", "skops.io"),
}


def forked(node: Node) -> bool:
    """Return whether the step's code runs in its worker, which then may be a prepared one.

    A command and a notebook run in processes of their own.
    """
    step = node.step
    return step.run is not None or step.sql is not None or isinstance(step.source, PythonSource)


def worker_of(checkout: Checkout, node: Node, formats: Collection[str], *, calls: bool) -> Worker:
    """Return what a worker of ``node`` imports that reads or writes ``formats``.

    ``calls``: it calls the step's code too, and needs the libraries which that imports.
    """
    names = [name for format in sorted(formats) for name in _OF_FORMAT.get(format, ())]
    if calls:
        names += sorted(checkout.code(node).packages - sys.stdlib_module_names)
    return Worker(
        imports=tuple(dict.fromkeys(names)),
        folders=(str(checkout.root / node.folder), str(checkout.root)),
    )
