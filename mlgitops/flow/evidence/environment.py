"""The lock of what built a release: every distribution that its steps and its export reach."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from typing import Final, cast

from mlgitops.core.digests import JSON, document, of_value
from mlgitops.core.locks import reached
from mlgitops.core.records import Record
from mlgitops.core.releases import Object
from mlgitops.executor.installed import installed
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.evidence.parts import Files, Held, Made
from mlgitops.flow.run import records
from mlgitops.flow.seams import Seams

NAME: Final = "environment.json"
# What reads, converts, answers and judges; the others only where this process took them in.
_EXPORT: Final = ("mlgitops", "numpy", "onnx", "onnxruntime", "pandas", "pyarrow", "skops")
_WHERE_USED: Final = ("lightgbm", "onnxmltools", "skl2onnx", "sklearn", "xgboost")


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``environment.json``: {python, platform, steps: {label: {python, distributions}},
    export: {distribution: version}}. Each step's lock has the digest that the lineage names."""
    model = made.model
    checkout = Checkout(seams=seams, workspace=made.workspace, root=made.root)
    done: dict[str, Record] = {}
    for output in (model.artifact, model.evaluation.data):
        step = output.partition(".")[0]
        done.update(records(checkout, model.pipeline, step))
    steps: Object = {
        label: {"python": record.parts.python, "distributions": dict(record.parts.lock)}
        for label, record in sorted(done.items())
        if record.parts.lock
    }
    told: dict[str, JSON] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": {"system": platform.system(), "machine": platform.machine()},
        "steps": steps,
        "export": _export(),
    }
    return {NAME: document(told)}


def _export() -> Object:
    used = [name for name in _WHERE_USED if name in sys.modules]
    return {**reached([*_EXPORT, *used], {}, installed(sys.executable)).versions}


def problems(held: Held) -> Iterator[str]:
    """Hold each step's distributions against the digest of its lock in the lineage."""
    steps = cast("Mapping[str, Mapping[str, Object]]", held.json(NAME)["steps"])
    for name, step in held.document.lineage.steps.items():
        said = steps.get(name, {}).get("distributions")
        found = None if said is None else of_value(said)
        if step.lock is not None and found != step.lock:
            yield f"{NAME}: /steps/{name} makes the lock {found}, and the tag says {step.lock}"
