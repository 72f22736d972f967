"""A remote store against its peers and against breakage: sizes, small blobs, faults and kills.

    python -m benchmarks.remotes large    2 GiB to and from a registry, beside `skopeo copy`
    python -m benchmarks.remotes small    5,000 blobs of 4 KB through a proxy that waits 20 ms
    python -m benchmarks.remotes faults   200 rounds through a proxy that breaks connections
    python -m benchmarks.remotes kills    push, pull and gc killed at 100 random moments

Needs docker-registry, and skopeo for `large`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from mlgitops.core.digests import Digest, of_bytes
from tests import servers
from tests.remotes.chaos import chaos

ROOT = Path(__file__).parents[1]
PUSH = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from mlgitops.core.digests import Digest
    from mlgitops.core.remotes import Bundle
    from mlgitops.flow.sharing import Pushing
    from mlgitops.store.local import LocalStore
    from mlgitops.store.remote.calls import Calls
    from mlgitops.store.remote.registry import Registry
    host, name, store, digest, size = sys.argv[1:6]
    remote = Registry(Calls(host, lambda: None), name)
    here = LocalStore(Path(store))
    def clock(): return datetime.now(UTC)
    with Pushing(here, remote, clock=clock, say=print) as pushing:
        pushing.add(Bundle(name="large", manifest=Path(sys.argv[6]).read_bytes(),
                           blobs={Digest(digest): int(size)}))
        pushing.finish()
"""
PULL = """
    import sys
    from pathlib import Path
    from mlgitops.core.digests import Digest
    from mlgitops.store.remote.calls import Calls
    from mlgitops.store.remote.registry import Registry
    from mlgitops.store.shared import SharedStore, Source
    host, name, store, digest, size = sys.argv[1:6]
    remote = Registry(Calls(host, lambda: None), name)
    there = SharedStore(Path(store), (Source(remote=remote, vouched=lambda k, s: True),), print)
    there._fetch(Digest(digest))
"""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("large", "small", "faults", "kills"))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--gib", type=float, default=2.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with servers.registry(root / "registry") as host:
            {"large": large, "small": small, "faults": faults, "kills": kills}[args.what](
                root, host, args
            )


def timed(command: list[str]) -> tuple[float, int]:
    """Run a command; return its seconds and its largest memory in bytes."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - began, usage.ru_maxrss * 1024


def large(root: Path, host: str, args: argparse.Namespace) -> None:
    """Push and pull one large blob, ours and skopeo in turn."""
    size = int(args.gib * (1 << 30))
    layout = root / "layout"
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)
    hasher = hashlib.sha256()
    with (root / "large").open("wb") as stream:
        for _ in range(size >> 20):
            piece = os.urandom(1 << 20)
            hasher.update(piece)
            stream.write(piece)
    digest = hasher.hexdigest()
    (root / "large").rename(blobs / digest)
    empty = hashlib.sha256(b"{}").hexdigest()
    (blobs / empty).write_bytes(b"{}")
    kind = "application/vnd.oci.image.manifest.v1+json"
    layer = {"mediaType": "application/octet-stream", "digest": f"sha256:{digest}", "size": size}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": f"sha256:{empty}",
                "size": 2,
            },
            "layers": [layer],
        }
    ).encode()
    own = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": layer, "layers": []})
    (root / "own.json").write_text(own)
    name = hashlib.sha256(manifest).hexdigest()
    (blobs / name).write_bytes(manifest)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entry = {
        "mediaType": kind,
        "digest": f"sha256:{name}",
        "size": len(manifest),
        "annotations": {"org.opencontainers.image.ref.name": "large"},
    }
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    figures: dict[str, list[float]] = {}
    memory: dict[str, int] = {}
    for number in range(args.rounds or 3):
        ours, theirs = f"acme/ours-{number}", f"acme/theirs-{number}"
        common = [host, ours]
        tail = [f"sha256:{digest}", str(size), str(root / "own.json")]
        runs = {
            "push ours": [sys.executable, "-c", textwrap.dedent(PUSH), *common, str(layout), *tail],
            "push skopeo": [
                "skopeo",
                "copy",
                "-q",
                "--dest-tls-verify=false",
                "--preserve-digests",
                f"oci:{layout}:large",
                f"docker://{host}/{theirs}:large",
            ],
            "pull ours": [
                sys.executable,
                "-c",
                textwrap.dedent(PULL),
                *common,
                str(root / "pulled"),
                *tail,
            ],
            "pull skopeo": [
                "skopeo",
                "copy",
                "-q",
                "--src-tls-verify=false",
                f"docker://{host}/{theirs}:large",
                f"oci:{root}/copied:large",
            ],
        }
        for what, command in runs.items():
            seconds, peak = timed(command)
            figures.setdefault(what, []).append(seconds)
            memory[what] = max(memory.get(what, 0), peak)
        for left in ("pulled", "copied", "registry/data"):
            shutil.rmtree(root / left, ignore_errors=True)
    for what, seconds_of in figures.items():
        print(
            f"{what:12} {statistics.median(seconds_of):6.2f} s (fastest {min(seconds_of):.2f}),"
            f" {memory[what] / 2**20:.0f} MiB"
        )
    for what in ("push", "pull"):
        ratio = statistics.median(figures[f"{what} ours"]) / statistics.median(
            figures[f"{what} skopeo"]
        )
        print(f"{what}: {ratio:.2f} x skopeo")


def small(root: Path, host: str, args: argparse.Namespace) -> None:
    """Send many small blobs one at a time and many at once, through a proxy that waits."""
    import io
    from concurrent.futures import ThreadPoolExecutor

    from mlgitops.flow.sharing import BLOBS_AT_ONCE
    from mlgitops.store.remote.calls import Calls
    from mlgitops.store.remote.registry import Registry

    count = args.rounds or 5000
    pieces: dict[Digest, bytes] = {}
    made = random.Random(1)
    while len(pieces) < count:
        data = made.randbytes(4096)
        pieces[of_bytes(data)] = data
    with chaos(host, delay=0.02) as proxy:
        remote = Registry(Calls(proxy.host, lambda: None), "acme/small")

        def send(one: Digest) -> bool:
            return remote.send(one, 4096, io.BytesIO(pieces[one]), lambda _: None)

        few = list(pieces)[: count // 20]
        began = time.perf_counter()
        for one in few:
            send(one)
        alone = (time.perf_counter() - began) / len(few) * count
        rest = list(pieces)[count // 20 :]
        began = time.perf_counter()
        with ThreadPoolExecutor(BLOBS_AT_ONCE) as pool:
            list(pool.map(send, rest))
        together = (time.perf_counter() - began) / len(rest) * count
    print(
        f"{count} blobs of 4 KB: {together:.1f} s, one at a time {alone:.1f} s (from"
        f" {len(few)}): {alone / together:.1f}x"
    )


def faults(root: Path, host: str, args: argparse.Namespace) -> None:
    """Push and pull through a network that breaks."""
    from mlgitops.store.remote import registry as registries
    from mlgitops.store.remote import trying
    from tests.remotes.test_broken_networks import one_round

    trying.FIRST_PAUSE, trying.LONGEST_PAUSE = 0.002, 0.05  # type: ignore[misc]
    registries._PART = 1 << 20  # type: ignore[misc]
    rounds, requests, broken = args.rounds or 200, 0, 0
    began = time.perf_counter()
    for seed in range(rounds):
        asked, wrong = one_round(host, root / str(seed), seed)
        requests, broken = requests + asked, broken + wrong
        shutil.rmtree(root / str(seed))
    print(
        f"{rounds} rounds, {requests:,} requests, {broken:,} of them broken:"
        f" every digest right, in {time.perf_counter() - began:.0f} s"
    )


def kills(root: Path, host: str, args: argparse.Namespace) -> None:
    """Kill push, pull and gc at random moments; see that nothing is lost."""
    from tests.remotes.killing import rounds

    print(rounds(root, f"oci://{host}/acme/killed", args.rounds or 100))


if __name__ == "__main__":
    main()
