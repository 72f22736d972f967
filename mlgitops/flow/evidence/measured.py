"""What was measured on one machine: it belongs to no identity, and nobody can recompute it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from mlgitops.core.digests import document
from mlgitops.core.errors import Refused
from mlgitops.flow.evidence.parts import Files, Made
from mlgitops.flow.machine import machine
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.core.releases import Object
    from mlgitops.ml.scoring import Scorer

_ROWS: Final = 4096
_TIMEOUT: Final = 300


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``measured.json``: {size, load_ms, memory: {runtime, loaded, peak}, latency: {rows of
    a call: {p50_ms, p90_ms, p99_ms, calls}}, host}.

    Bytes and milliseconds, of the ONNX alone in a process of its own. ``memory``: of the process
    with the runtime and no model, what loading added, what loading and answering added at most.
    ``before``: the same of the model before it was optimised, where it was. ``latency_p50_ms``,
    ``latency_p99_ms`` (one row) and ``machine`` (in words) are what a gate reads.
    """
    seams.say(f"measuring {made.model.name} …")
    found = figures(made.onnx, made.scorer, made.frame)
    if made.plain is not None:
        found["before"] = _measure(made.plain, made.scorer, made.frame)
    return {"measured.json": document(found)}


def figures(onnx: bytes, scorer: Scorer, frame: pd.DataFrame) -> Object:
    """Return what a model takes here; ``scorer`` prepares the rows that it answers."""
    found = _measure(onnx, scorer, frame)
    latency = cast("dict[str, Object]", found["latency"])["1"]
    host = _host()
    return {
        **found,
        "latency_p50_ms": latency["p50_ms"],
        "latency_p99_ms": latency["p99_ms"],
        "machine": in_words(host),
        "host": host,
    }


def _measure(onnx: bytes, scorer: Scorer, frame: pd.DataFrame) -> Object:
    """Measure a model in a process of its own."""
    import numpy as np

    # Rows at even distances: of a sorted table the first ones are of one kind.
    chosen = np.linspace(0, len(frame) - 1, min(len(frame), _ROWS)).round().astype(int)
    feeds = scorer.feeds(frame.iloc[chosen])
    with tempfile.TemporaryDirectory(prefix="mlgitops-") as folder:
        model, rows = Path(folder, "model.onnx"), Path(folder, "rows.npz")
        model.write_bytes(onnx)
        kept: dict[str, Any] = {
            f"c{n}": values.astype(str) if values.dtype == object else values
            for n, values in enumerate(feeds.values())
        }
        np.savez(rows, names=np.array(list(feeds)), **kept)
        words = [sys.executable, "-P", "-m", f"{__package__}.measuring", str(model), str(rows)]
        try:
            done = subprocess.run(words, capture_output=True, timeout=_TIMEOUT, check=True)
            return cast("Object", json.loads(done.stdout))
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            why = last[0] if last else f"it ended with {error.returncode}"
        except (subprocess.TimeoutExpired, OSError, ValueError) as error:
            why = str(error)
    raise Refused(
        f"the model cannot be measured in a process of its own: {why}",
        hint="does it load and answer, and is there memory for it?",
    )


def _host() -> Object:
    here = machine()
    return {
        "cpu": _processor(),
        "architecture": platform.machine(),
        "cores": here.cores,
        "memory": here.memory,
        "system": platform.system(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "threads": 1,
        "load_average": _load(),
    }


def in_words(host: Object) -> str:
    """Return the machine as people are told of it."""
    cores = f"{host['cores']} core{'' if host['cores'] == 1 else 's'}"
    return (
        f"{host['cpu']}, {cores}, {host['system']}, Python {host['python']}, "
        f"onnxruntime {host['onnxruntime']}"
    )


def _processor() -> str:
    """Return the processor's name, as its maker has it; the architecture where nobody tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.processor() or platform.machine()


def _load() -> float | None:
    """Return how many processes wanted a core in the last minute: a busy machine is a slow one."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None
