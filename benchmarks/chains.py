"""Writes a repository of N trivial command steps (`cp IN OUT`) in ten chains, ours and a peer's.

The peer's tree holds the same graph as DVC writes it, with the finished state of all stages: what a
no-op check has to read at the least, and what `dvc repro` takes for up to date.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

CHAINS: Final = 10
PIPELINE: Final = "chains"

_PROJECT = """\
apiVersion: mlgitops/v1
kind: Project
name: chains
"""


def write_ours(root: Path, steps: int) -> None:
    """Write and commit the graph as one pipeline."""
    folder = root / "pipelines" / PIPELINE
    _write(root / "mlgitops.yaml", _PROJECT)
    _write(root / ".gitignore", ".mlgitops/\n")
    lines = ["apiVersion: mlgitops/v1", "kind: Pipeline", f"name: {PIPELINE}", "steps:"]
    for index in range(steps):
        before = f"s{index - CHAINS}"
        given = f"{before}.{before}" if index >= CHAINS else f"{{file: src/{index}.txt}}"
        # Each output has a name of its own: else the steps of a chain are one work, done once.
        lines += [
            f"  - name: s{index}",
            f'    command: [cp, "{{inputs.data}}", "{{outputs.s{index}}}"]',
            f"    inputs: {{data: {given}}}",
            f"    outputs: {{s{index}: bytes}}",
        ]
    _write(folder / "pipeline.yaml", "\n".join(lines) + "\n")
    _sources(folder, steps)
    commit(root)


def write_peer(root: Path, steps: int) -> None:
    """Write and commit the graph as stages of a dvc.yaml, finished: dvc.lock, outputs, cache."""
    _sources(root, steps)
    spec, lock = ["stages:"], ["schema: '2.0'", "stages:"]
    ignored = []
    for index in range(steps):
        given, made = _given(index), f"out/s{index}.txt"
        command = f"cp {given} {made}"
        data = (root / given).read_bytes()
        _write(root / made, data.decode())
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        _write(root / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}", data.decode())
        known = ["      hash: md5", f"      md5: {digest}", f"      size: {len(data)}"]
        spec += [f"  s{index}:", f"    cmd: {command}", "    deps:", f"    - {given}"]
        spec += ["    outs:", f"    - {made}"]
        lock += [f"  s{index}:", f"    cmd: {command}"]
        lock += ["    deps:", f"    - path: {given}", *known]
        lock += ["    outs:", f"    - path: {made}", *known]
        ignored.append(f"/s{index}.txt")
    _write(root / "dvc.yaml", "\n".join(spec) + "\n")
    _write(root / "dvc.lock", "\n".join(lock) + "\n")
    _write(root / "out/.gitignore", "\n".join(ignored) + "\n")
    _write(root / ".dvc/.gitignore", "/cache\n/tmp\n/config.local\n")
    _write(root / ".dvc/config", "[core]\n    analytics = false\n    check_update = false\n")
    commit(root)


def commands(steps: int, sources: Path, goal: Path) -> list[list[list[str]]]:
    """Return the commands of each chain, in order, as a bare pool would run them into ``goal``."""
    return [
        [
            [
                "cp",
                str(goal / f"s{index - CHAINS}" if index >= CHAINS else sources / f"{index}.txt"),
                str(goal / f"s{index}"),
            ]
            for index in range(chain, steps, CHAINS)
        ]
        for chain in range(min(CHAINS, steps))
    ]


def commit(root: Path) -> None:
    """Make ``root`` a repository with everything in it committed."""
    git = ("git", "-c", "user.name=Bench", "-c", "user.email=bench@example.com")
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], cwd=root, check=True)
    subprocess.run([*git, "add", "--all"], cwd=root, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message=Start"], cwd=root, check=True)


def _given(index: int) -> str:
    return f"out/s{index - CHAINS}.txt" if index >= CHAINS else f"src/{index}.txt"


def _sources(folder: Path, steps: int) -> None:
    for index in range(min(CHAINS, steps)):
        _write(folder / f"src/{index}.txt", f"source {index}\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
