"""What was measured on one machine: it belongs to no identity, and nobody can recompute it."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING

from mlgitops.core.digests import document
from mlgitops.flow.evidence.parts import Files, Made
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.core.releases import Object
    from mlgitops.ml.scoring import Scorer

_LATENCY_CALLS = 500
_LATENCY_ROUNDS = 5


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``measured.json``."""
    return {"measured.json": document(_measure(made.scorer, made.frame))}


def _measure(scorer: Scorer, frame: pd.DataFrame) -> Object:
    """Time one-row calls in milliseconds, each on another row (repeating one flatters trees).

    Of some rounds the best one counts: what else this machine does is not the model's doing.
    """
    rows = frame.iloc[[n * 7919 % len(frame) for n in range(_LATENCY_CALLS)]]
    rounds = []
    for _ in range(_LATENCY_ROUNDS):
        times = []
        for call in scorer.singles(rows):
            start = time.perf_counter()
            call()
            times.append((time.perf_counter() - start) * 1000)
        rounds.append(sorted(times))
    return {
        "latency_p50_ms": round(min(times[len(times) // 2] for times in rounds), 4),
        "latency_p99_ms": round(min(times[int(len(times) * 0.99)] for times in rounds), 4),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    }
