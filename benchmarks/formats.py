"""Memory that storing and reading a frame takes beyond the frame itself.

``python -m benchmarks.formats [MEGABYTES]``: each line is a process of its own, which makes a frame
of about so many megabytes (half numbers, half text) and then does one thing with it. ``beyond`` is
the most that the process held above what it held with the frame (or without, for reading).
"""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlgitops import formats

WORK = ("write", "arrow", "iterator", "describe", "read")
_ROWS = 100_000  # of one piece of an iterator


def main(megabytes: int) -> None:
    """Print one line for each piece of work."""
    print(f"a frame of {megabytes} MB; peak beyond it, in MB, and seconds")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "frame.parquet"))
        for work in WORK:
            command = [sys.executable, "-m", "benchmarks.formats", work, str(megabytes), path]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{work:9} {done.stdout.strip()}")


def frame(rows: int) -> Any:
    """Return a frame of 100 bytes a row: six numbers and two texts."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(7)
    numbers = {f"n{at}": random.standard_normal(rows) for at in range(6)}
    texts = {f"t{at}": random.integers(10**17, 10**18, rows).astype(str) for at in range(2)}
    return pd.DataFrame({**numbers, **texts})


def work(what: str, megabytes: int, path: Path) -> None:
    """Do one thing, and print what it took."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = megabytes * 10_000
    import pandas as pd  # noqa: F401

    parquet.write_table(pa.table({"x": [1]}), path.with_suffix(".warm"))
    value: Any = None
    if what in ("write", "arrow"):
        value = frame(rows)
    elif what == "iterator":
        value = _pieces(rows)
    _forget_peak()
    before, started = _status("VmRSS"), time.perf_counter()
    match what:
        case "write" | "iterator":
            formats.write(value, path, "parquet")
        case "arrow":
            parquet.write_table(pa.Table.from_pandas(value), path, compression="zstd")
        case "describe":
            formats.describe(path, "parquet")
        case "read":
            value = formats.read(path, "parquet")
        case _:
            raise ValueError(what)
    seconds = time.perf_counter() - started
    print(f"{(_status('VmHWM') - before) / 1e6:7.0f} {seconds:6.1f}")


def _pieces(rows: int) -> Iterator[Any]:
    for _ in range(0, rows, _ROWS):
        yield frame(_ROWS)


def _forget_peak() -> None:
    """Give free memory back, and count the peak from here."""
    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        work(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
