"""Sixteen clones release at once: one model gives one version, sixteen models give sixteen.

    .venv/bin/python -m benchmarks.release_races [--clones 16]

Each clone has a store of its own, as machines have, so each trains, exports and judges by itself;
they meet at the push of the tag. Exits 1 when the tags are not what they must be.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_TOOL = [sys.executable, "-m", "mlgitops"]


def main() -> int:
    """Race twice; print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clones", type=int, default=16)
    count = parser.parse_args().clones
    with tempfile.TemporaryDirectory(prefix="races-") as place:
        root = Path(place)
        own = _project(root, count)
        one = _race(root, [own] * count)
        tags = _tags(root)
        print(f"one model:   {one}; tags: {', '.join(tags)}")
        fine = tags == [f"{own}@v1.0.0"] and one.startswith(f"{count} of {count}")
        many = _race(root, [f"model-{n:02d}" for n in range(count)])
        made = [tag for tag in _tags(root) if tag.startswith("model-")]
        print(f"{count} models: {many}; tags: {len(made)}")
        fine = fine and made == [f"model-{n:02d}@v1.0.0" for n in range(count)]
        return 0 if fine and many.startswith(f"{count} of {count}") else 1


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def _project(root: Path, count: int) -> str:
    seed = root / "seed"
    quiet = subprocess.DEVNULL
    subprocess.run([*_TOOL, "init", str(seed)], check=True, stdout=quiet, stderr=quiet)
    if not (seed / ".git").exists():
        _git("init", "-q", "-b", "main", str(seed))
    _git("-C", str(seed), "config", "user.name", "Ada")
    _git("-C", str(seed), "config", "user.email", "ada@example.org")
    own = next(seed.glob("pipelines/*/model.yaml")).parent.name
    for n in range(count):
        folder = seed / f"pipelines/model-{n:02d}"
        shutil.copytree(seed / f"pipelines/{own}", folder)
        for spec in folder.rglob("*.yaml"):
            spec.write_text(spec.read_text().replace(own, folder.name))
    environment = {**os.environ, "MLGITOPS_STORE": str(root / "store-seed")}
    # Sources are pinned by their first run; the pins belong to the commit.
    subprocess.run(
        [*_TOOL, "run"], cwd=seed, check=True, stdout=quiet, stderr=quiet, env=environment
    )
    _git("-C", str(seed), "add", "-A")
    _git("-C", str(seed), "commit", "-q", "-m", "everything")
    _git("clone", "-q", "--bare", str(seed), str(root / "origin.git"))
    for n in range(count):
        clone = root / f"clone-{n:02d}"
        _git("clone", "-q", str(root / "origin.git"), str(clone))
        _git("-C", str(clone), "config", "user.name", f"Person {n}")
        _git("-C", str(clone), "config", "user.email", f"person{n}@example.org")
        shutil.copytree(root / "store-seed", root / f"store-{n:02d}")
    return own


def _race(root: Path, models: list[str]) -> str:
    start = time.perf_counter()
    running = [
        subprocess.Popen(
            [*_TOOL, "release", model],
            cwd=root / f"clone-{n:02d}",
            env={**os.environ, "MLGITOPS_STORE": str(root / f"store-{n:02d}")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n, model in enumerate(models)
    ]
    fine, new = 0, 0
    for one in running:
        out, err = one.communicate(timeout=1200)
        fine += one.returncode == 0
        new += out.startswith("released ")
        if one.returncode:
            print(err[-500:])
    seconds = time.perf_counter() - start
    return f"{fine} of {len(models)} without an error, {new} new, {seconds:.0f} s"


def _tags(root: Path) -> list[str]:
    return _git("-C", str(root / "origin.git"), "tag", "-l").split()


if __name__ == "__main__":
    sys.exit(main())
