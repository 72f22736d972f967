"""Ten thousand releases of 200 models in one repository: how long the verbs that look at tags take.

    .venv/bin/python -m benchmarks.releases [--releases 10000] [--models 200] [--rounds 5] [--gto]

The floor is a Python process that runs one ``git for-each-ref`` over the same tags. Figures are
medians of rounds, taken in turns, so that a busy moment hits all of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from mlgitops.core.digests import of_bytes
from mlgitops.core.pins import pin_bytes
from mlgitops.core.release_documents import message
from mlgitops.core.releases import Version, tag_name
from tests.core.facts import release_document

_FLOOR = (
    "import subprocess, sys; "
    "subprocess.run(['git', 'for-each-ref', 'refs/tags'], cwd=sys.argv[1], check=True,"
    " stdout=subprocess.PIPE)"
)


def main() -> None:
    """Build the repository, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gto", action="store_true", help="also `gto show`, once")
    parser.add_argument("--keep", metavar="DIR", help="build there, and leave it there")
    args = parser.parse_args()
    root = Path(args.keep or tempfile.mkdtemp(prefix="releases-"))
    try:
        if not (root / "mlgitops.yaml").exists():
            build(root, args.releases, args.models)
        report(root, args.rounds, gto=args.gto)
    finally:
        if not args.keep:
            shutil.rmtree(root, ignore_errors=True)


def build(root: Path, releases: int, models: int) -> None:
    """Make a real project with its example model, and tags of many others beside it."""
    mlgitops = [sys.executable, "-m", "mlgitops"]
    subprocess.run([*mlgitops, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
    git = ["git", "-C", str(root), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    if not (root / ".git").exists():
        subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    own = next(root.glob("pipelines/*/model.yaml")).parent.name
    subprocess.run([*git, "config", "user.name", "Ada"], check=True)
    subprocess.run([*git, "config", "user.email", "ada@example.org"], check=True)
    subprocess.run([*mlgitops, "run"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    places = sorted(one.parent.name for one in root.glob("environments/*/environment.yaml"))
    base = release_document()
    # A document as long as those of the example pipelines: steps with digests, twenty features.
    base = replace(base, features=tuple(f"feature_{n}" for n in range(20)))
    for number in range(models):
        shutil.copytree(root / f"pipelines/{own}", root / f"pipelines/model-{number:03d}")
        for spec in (root / f"pipelines/model-{number:03d}").rglob("*.yaml"):
            spec.write_text(spec.read_text().replace(own, f"model-{number:03d}"))
        digest = of_bytes(f"{number} 1.0.0".encode())
        pin = root / f"environments/{places[-1]}/pins/model-{number:03d}.yaml"
        pin.parent.mkdir(parents=True, exist_ok=True)
        pin.write_bytes(pin_bytes(f"model-{number:03d}", "1.0.0", digest))
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "everything"], check=True)
    released = subprocess.run([*mlgitops, "release", own], cwd=root, capture_output=True, text=True)
    print(released.stdout or released.stderr)
    stream = []
    for n in range(releases):
        number, minor = n % models, n // models
        version = Version(1, minor, 0)
        digest = of_bytes(f"{number} {version}".encode())
        model = f"model-{number:03d}"
        document = replace(base, model=model, version=version, digest=digest)
        text = message(document).encode()
        name = tag_name(model, version)
        stream.append(
            f"tag {name}\nfrom refs/heads/main\ntagger Ada <ada@example.org> {1_767_225_600 + n}"
            f" +0000\ndata {len(text)}\n".encode()
            + text
            + b"\n"
        )
    subprocess.run([*git, "fast-import", "--quiet", "--force"], input=b"".join(stream), check=True)
    subprocess.run([*git, "pack-refs", "--all"], check=True)


def report(root: Path, rounds: int, *, gto: bool) -> None:
    """Time every verb beside the floor."""
    own = next(root.glob("pipelines/*/model.yaml")).parent.name
    tool = [sys.executable, "-m", "mlgitops", "-C", str(root)]
    verbs = {
        "floor: python + git for-each-ref": [sys.executable, "-c", _FLOOR, str(root)],
        "status": [*tool, "status", "--offline"],
        "status MODEL (which is in prod)": [*tool, "status", "model-007", "--offline"],
        "history MODEL": [*tool, "history", "model-007", "--offline"],
        "release, already done": [*tool, "release", own],
    }
    times: dict[str, list[float]] = {name: [] for name in verbs}
    codes: dict[str, int] = {}
    for _ in range(rounds):
        for name, words in verbs.items():
            start = time.perf_counter()
            done = subprocess.run(words, capture_output=True, text=True, cwd=root, env=os.environ)
            times[name].append(time.perf_counter() - start)
            codes[name] = done.returncode
            if done.returncode:
                print(name, done.returncode, done.stderr[-300:])
    floor = statistics.median(next(iter(times.values())))
    print(f"{'':36}{'median s':>9}{'x floor':>9}")
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"{name:36}{middle:9.3f}{middle / floor:9.2f}")
    if gto:
        start = time.perf_counter()
        words = [str(Path(sys.executable).parent / "gto"), "show", "--repo", str(root)]
        subprocess.run(words, capture_output=True, check=True)
        taken_by_gto = time.perf_counter() - start
        print(f"{'gto show':36}{taken_by_gto:9.3f}{taken_by_gto / floor:9.2f}")


if __name__ == "__main__":
    main()
