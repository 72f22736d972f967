"""The process that loads a model and nothing else, so that its memory and time are the model's.

``python -m mlgitops.flow.evidence.measuring MODEL ROWS`` prints one JSON object. ROWS is what
``numpy.savez`` wrote: ``names``, and an array per input (``c0`` …); strings are of fixed width, so
that nothing is pickled.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

BATCHES: Final = (1, 64)
_CALLS: Final = 500
_ROUNDS: Final = 5
# A slow model is measured with fewer calls: a release is no benchmark.
_SECONDS: Final = 3.0
_FEWEST: Final = 20
_PAGE_UNIT: Final = 1024


def measure(model: Path, rows: Path) -> dict[str, Any]:
    """Return milliseconds by batch, and bytes of memory that the model added to this process.

    Every call takes other rows: repeating one flatters trees two times.
    """
    import numpy as np
    import onnxruntime  # noqa: F401 - what the runtime itself takes is not the model's

    from mlgitops.ml.scoring import session

    with np.load(rows, allow_pickle=False) as stored:
        names = stored["names"].tolist()
        feeds = {name: _column(stored[f"c{n}"]) for n, name in enumerate(names)}
    onnx = model.read_bytes()
    warm = _resident()
    start = time.perf_counter()
    loaded = session(onnx)
    took = (time.perf_counter() - start) * 1000
    after = _resident()
    timed = {str(size): _latency(loaded, feeds, size) for size in BATCHES}
    return {
        "size": len(onnx),
        "load_ms": round(took, 3),
        "memory": {
            "runtime": warm,
            "loaded": max(after - warm, 0),
            "peak": max(_peak() - warm, 0),
        },
        "latency": timed,
    }


def _column(values: Any) -> Any:
    return (values.astype(object) if values.dtype.kind == "U" else values).reshape(-1, 1)


def _latency(loaded: Any, feeds: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Time calls with ``size`` rows. Of some rounds the quickest counts, for each figure: what else
    the machine does is not the model's doing."""
    rounds: list[list[float]] = []
    started = time.perf_counter()
    for _ in range(_ROUNDS):
        taken: list[float] = []
        for feed in islice(_batches(feeds, size), _CALLS):
            start = time.perf_counter()
            loaded.run(None, feed)
            taken.append((time.perf_counter() - start) * 1000)
            if len(taken) >= _FEWEST and time.perf_counter() - started > _SECONDS:
                break
        rounds.append(sorted(taken))
        if time.perf_counter() - started > _SECONDS:
            break
    whole = [taken for taken in rounds if len(taken) == len(rounds[0])]
    figures: dict[str, Any] = {
        f"p{share}_ms": round(min(_quantile(taken, share) for taken in whole), 4)
        for share in (50, 90, 99)
    }
    return {**figures, "calls": sum(len(taken) for taken in rounds)}


def _quantile(ascending: list[float], percent: int) -> float:
    return ascending[min(int(len(ascending) * percent / 100), len(ascending) - 1)]


def _batches(feeds: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    """Yield batches for ever, rows in turn."""
    rows = len(next(iter(feeds.values())))
    starts = range(0, max(rows - size, 0) + 1, size if size <= rows else 1)
    if rows < size:
        feeds = {name: values.repeat(size // rows + 1, axis=0) for name, values in feeds.items()}
    for start in cycle(starts):
        yield {name: values[start : start + size] for name, values in feeds.items()}


def _resident() -> int:
    return _status("VmRSS:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PAGE_UNIT


def _peak() -> int:
    # Not getrusage where there is /proc: it counts what the process was forked from.
    return _status("VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PAGE_UNIT


def _status(key: str) -> int:
    """Return a figure of this process in bytes; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = next((line.split()[1] for line in lines if line.startswith(key)), "0")
    return int(found) * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
