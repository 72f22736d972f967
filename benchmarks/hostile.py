"""Measure validate on files and checkouts that somebody made to stop it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mlgitops.core.sources import MAX_BYTES
from mlgitops.git.installed import create
from tests.cli.hostile import PIPELINE, SHAPES, TEN_MEGABYTES, large, texts
from tests.cli.hostile_trees import TREES
from tests.fuzz.projects import BASE
from tests.measured import measured

SECONDS = 2.0
MEGABYTES = 200.0
_WHO = {
    f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def _text(data: bytes) -> Callable[[Path], None]:
    def build(root: Path) -> None:
        (root / PIPELINE).write_bytes(data)

    return build


def cases() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Yield the name of each case, and what makes a good repository hostile."""
    for size, words in ((TEN_MEGABYTES, "10 MB"), (MAX_BYTES, "1 MB")):
        for name, data in texts(size):
            yield f"{words}: {name}", _text(data)
    for name, data in (*SHAPES.items(), *large()):
        yield name, _text(data)
    yield from TREES.items()


def main() -> int:
    """Run and report; 1 when a case was over a bound or ended in a bug."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--all", action="store_true", help="show every case, not the worst ones")
    args = parser.parse_args()
    os.environ.update(_WHO)
    rows: list[tuple[float, float, int, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        good, root = Path(folder, "good"), Path(folder, "hostile")
        good.mkdir()
        create(good, "main")
        for path, data in BASE.items():
            (good / path).parent.mkdir(parents=True, exist_ok=True)
            (good / path).write_bytes(data)
        subprocess.run(["git", "add", "--all"], cwd=good, check=True)
        subprocess.run(["git", "commit", "--quiet", "--message", "Start"], cwd=good, check=True)
        for name, build in cases():
            if args.only in name:
                shutil.rmtree(root, ignore_errors=True)
                shutil.copytree(good, root)
                build(root)
                done = measured(["validate"], root)
                rows.append((done.seconds, done.megabytes, done.code, name))
    wrong = [r for r in rows if r[0] >= SECONDS or r[1] >= MEGABYTES or r[2] not in (0, 1, 2)]
    shown = rows if args.all else sorted(rows, reverse=True)[:10] + wrong
    print("seconds  MB   exit  case")
    for seconds, megabytes, code, name in dict.fromkeys(shown):
        print(f"{seconds:7.2f}  {megabytes:3.0f}  {code:4}  {name}")
    most = max(rows, key=lambda row: row[1])
    print(f"\n{len(rows)} cases; at most {max(rows)[0]:.2f} s and {most[1]:.0f} MB ({most[3]})")
    print(f"{len(wrong)} over the bounds" if wrong else "every bound was kept")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
