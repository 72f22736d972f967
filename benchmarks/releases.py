"""Ten thousand releases of 200 models in one repository: how long the verbs that look at tags take.

    .venv/bin/python -m benchmarks.releases [--releases 10000] [--models 200] [--rounds 5] [--gto]

The floors are Python processes that run one ``git for-each-ref`` over the same tags: one asks for
their names, the other also for the heads of their messages, which say what a tag is. Figures are
medians of rounds, taken in turns, so that a busy moment hits all of them. The documents are the one
of the example's own release under other names, so they are as long as real ones.
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
from pathlib import Path

from mlgitops.core.digests import of_bytes
from mlgitops.core.pins import pin_bytes
from mlgitops.core.releases import Version, tag_name

_FLOOR = (
    "import subprocess, sys; "
    "subprocess.run(['git', 'for-each-ref', *sys.argv[2:], 'refs/tags'], cwd=sys.argv[1],"
    " check=True, stdout=subprocess.PIPE)"
)
_HEADS = "--format=%(refname) %(objectname)%0a%(contents:lines=9)"


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
    (root / ".git/example").write_text(own)
    places = sorted(one.parent.name for one in root.glob("environments/*/environment.yaml"))
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
    subprocess.run([*mlgitops, "release", own], cwd=root, check=True)
    form = "--format=%(contents)%00%(contents:size)"
    words = [*git, "for-each-ref", form, "refs/tags"]
    text, _, size = subprocess.run(
        words, check=True, capture_output=True, text=True
    ).stdout.partition("\0")
    print(f"a release document has {int(size):,} characters")
    stream = [_tag(text, own, n % models, Version(1, n // models, 0), n) for n in range(releases)]
    subprocess.run([*git, "fast-import", "--quiet", "--force"], input=b"".join(stream), check=True)
    subprocess.run([*git, "pack-refs", "--all"], check=True)


def _tag(text: str, own: str, number: int, version: Version, moment: int) -> bytes:
    """Return what makes one tag: the document of ``own`` as another model's, and another digest."""
    model = f"model-{number:03d}"
    digest = of_bytes(f"{number} {version}".encode())
    lines = text.replace(own, model).splitlines()
    lines[0] = f"{model} {version}"
    for place, line in enumerate(lines[:8]):
        if line.startswith(("version: ", "digest: ")):
            key = line.partition(":")[0]
            lines[place] = f"{key}: {version if key == 'version' else digest}"
    data = "\n".join(lines).encode()
    head = (
        f"tag {tag_name(model, version)}\nfrom refs/heads/main\n"
        f"tagger Ada <ada@example.org> {1_767_225_600 + moment} +0000\ndata {len(data)}\n"
    )
    return head.encode() + data + b"\n"


def report(root: Path, rounds: int, *, gto: bool) -> None:
    """Time every verb beside the floor."""
    own = (root / ".git/example").read_text()
    tool = [sys.executable, "-m", "mlgitops", "-C", str(root)]
    verbs = {
        "floor: python + git for-each-ref": [sys.executable, "-c", _FLOOR, str(root)],
        "floor with the heads of messages": [sys.executable, "-c", _FLOOR, str(root), _HEADS],
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
    heads = statistics.median(list(times.values())[1])
    print(f"{'':36}{'median s':>9}{'x floor':>9}{'x heads':>9}")
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"{name:36}{middle:9.3f}{middle / floor:9.2f}{middle / heads:9.2f}")
    if gto:
        start = time.perf_counter()
        words = [str(Path(sys.executable).parent / "gto"), "show", "--repo", str(root)]
        subprocess.run(words, capture_output=True, check=True)
        taken_by_gto = time.perf_counter() - start
        print(f"{'gto show':36}{taken_by_gto:9.3f}{taken_by_gto / floor:9.2f}")


if __name__ == "__main__":
    main()
