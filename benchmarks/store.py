"""Measure the store: one large file, many small ones, and looking whether anything changed.

Each round does every case once, so that a busy moment hits all alike; ratios are between medians.
Exits 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_FLOOR = """
import hashlib, shutil, sys
with open(sys.argv[1], "rb") as stream:
    hashlib.file_digest(stream, "sha256")
shutil.copyfile(sys.argv[1], sys.argv[2])
"""
_TAKE = """
import sys
from pathlib import Path
from mlgitops.store.local import LocalStore
LocalStore(Path(sys.argv[2])).put_file(Path(sys.argv[1]))
"""
_TREE = """
import sys
from pathlib import Path
from mlgitops.store.local import LocalStore
LocalStore(Path(sys.argv[2])).put_tree(Path(sys.argv[1]))
"""
_LOOK = """
import sys
from pathlib import Path
from mlgitops.files import WorkTree
from mlgitops.files.stats import Stats
print(Stats(WorkTree(Path(sys.argv[1]).parent), Path(sys.argv[2])).digest(Path(sys.argv[1]).name))
"""
# What is promised, as a ratio of medians or in MiB.
_PROMISES = {"take-in": 1.3, "memory": 100.0, "many": 1.0, "unchanged": 3.0}


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="size of the large file")
    parser.add_argument("--files", type=int, default=20_000, help="how many small files of 4 KiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        times, memory = _measure(Path(folder), asked)
    medians = {name: statistics.median(each) for name, each in times.items()}
    found = {
        "take-in": medians["take a large file in"] / medians["hash and copy it"],
        "memory": memory,
        "many": medians["take small files in"] / medians["git add"],
        "unchanged": medians["nothing changed"] / (medians["git status"] + medians["python"]),
    }
    kept = all(found[name] <= most for name, most in _PROMISES.items())
    if asked.json:
        print(json.dumps({"seconds": medians, "found": found, "promised": _PROMISES}, indent=1))
    else:
        for name, seconds in medians.items():
            print(f"{name:24} {seconds:8.3f} s")
        for name, most in _PROMISES.items():
            print(f"{name:24} {found[name]:8.2f}   promised: at most {most:g}")
    return 0 if kept else 1


def _measure(folder: Path, asked: argparse.Namespace) -> tuple[dict[str, list[float]], float]:
    large, many = folder / "large", folder / "work" / "data"
    with large.open("wb") as stream:
        for _ in range(asked.mib):
            stream.write(os.urandom(1 << 20))
    noise = os.urandom(1 << 20)
    for number in range(asked.files):
        place = many / str(number // 200)
        place.mkdir(parents=True, exist_ok=True)
        data = number.to_bytes(8, "big") + noise[number * 37 % (1 << 19) :][:4088]
        (place / f"{number}.bin").write_bytes(data)
    os.sync()
    times: dict[str, list[float]] = {}
    memory = 0.0

    def case(name: str, work: Callable[[], float]) -> None:
        started = time.perf_counter()
        used = work()
        times.setdefault(name, []).append(time.perf_counter() - started)
        if name == "take a large file in":
            nonlocal memory
            memory = max(memory, used)

    git = ["git", "-C", str(folder / "work")]
    for _ in range(asked.rounds):
        case("python", lambda: _python("pass"))
        case("hash and copy it", lambda: _python(_FLOOR, large, folder / "copy"))
        (folder / "copy").unlink()
        case("take a large file in", lambda: _python(_TAKE, large, folder / "store"))
        shutil.rmtree(folder / "store")
        _run([*git, "init", "-q"])
        case("git add", lambda: _run([*git, "add", "."]))
        case("take small files in", lambda: _python(_TREE, many, folder / "store"))
        shutil.rmtree(folder / "store")
        _python(_LOOK, many, folder / "memory")
        case("git status", lambda: _run([*git, "status", "--short"]))
        case("nothing changed", lambda: _python(_LOOK, many, folder / "memory"))
        shutil.rmtree(folder / "work" / ".git")
    return times, memory


def _python(code: str, *words: Path) -> float:
    return _run([sys.executable, "-c", code, *map(str, words)])


def _run(words: list[str]) -> float:
    """Run a command; return the most memory that it had, in MiB."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[0]} failed with {process.returncode}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
