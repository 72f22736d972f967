"""How the scenarios of a peer comparison drive mlgitops: copy to its `adapters/mlgitops.py`.

A stage is {name, cmd, deps, outs}, its command a line for the shell with paths from the root. Here
it becomes a command step: deps that another stage writes are its outputs, all others are files.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypedDict

Shell = Callable[[str, Path, dict[str, str]], str]

ENV: Final[dict[str, str]] = {}
STARTUP: Final = [
    ["mlgitops", "--version"],
    ["mlgitops", "--help"],
    ["python", "-c", "import mlgitops"],
]
RUN: Final = ["mlgitops", "run", "peer"]
RUN_PARALLEL: Final = [*RUN, "--jobs", "8"]
STATUS: Final = ["mlgitops", "plan", "peer"]
# The results are in the store: there is nothing to bring into the work tree.
CHECKOUT: Final = ["true"]


class Stage(TypedDict):
    """One step as the scenarios write it."""

    name: str
    cmd: str
    deps: list[str]
    outs: list[str]


def init(w: Path, sh: Shell, env: dict[str, str]) -> None:
    """Make ``w`` a repository with a project in it."""
    sh("git init -q -b main", w, env)
    (w / "mlgitops.yaml").write_text("apiVersion: mlgitops/v1\nkind: Project\nname: peer\n")
    (w / ".gitignore").write_text(".mlgitops/\n")
    sh("git add -A && git commit -qm init", w, env)


def write_dag(w: Path, stages: list[Stage]) -> None:
    """Write the stages as the one pipeline."""
    folder = w / "pipelines/peer"
    if not folder.exists():
        # The scenarios write and edit src/ at the root; a file input is in the pipeline's folder.
        folder.mkdir(parents=True)
        (w / "src").rename(folder / "src")
        (w / "src").symlink_to("pipelines/peer/src")
    maker = {out: stage["name"] for stage in stages for out in stage["outs"]}
    lines = ["apiVersion: mlgitops/v1", "kind: Pipeline", "name: peer", "steps:"]
    for stage in stages:
        command, inputs = stage["cmd"], []
        for number, dep in enumerate(stage["deps"]):
            given = f"{{file: {dep}}}" if dep not in maker else f"{maker[dep]}.{maker[dep]}"
            inputs.append(f"i{number}: {given}")
            command = command.replace(dep, f"{{inputs.i{number}}}")
        name = stage["name"]
        for out in stage["outs"]:
            command = command.replace(out, f"{{outputs.{name}}}")
        words = shlex.split(command)
        if {"&&", ">"} & set(words):
            words = ["sh", "-c", command]
        quoted = ", ".join(f'"{word}"' for word in words)
        lines += [
            f"  - name: {name}",
            f"    command: [{quoted}]",
            f"    inputs: {{{', '.join(inputs)}}}",
            f"    outputs: {{{name}: bytes}}",
        ]
    (folder / "pipeline.yaml").write_text("\n".join(lines) + "\n")


def RUN_OK(out: str) -> bool:
    """Return whether a run had nothing to do."""
    return "nothing to do" in out


def STATUS_OK(out: str) -> bool:
    """Return whether a plan has nothing to do."""
    return "nothing to do" in out


def SINGLE(name: str) -> list[str]:
    """Return the command that does one step and what it needs."""
    return ["mlgitops", "run", "peer", "--until", name]
