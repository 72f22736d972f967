"""`hermetic: strict`: what a step uses and does not declare ends it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from mlgitops.core.errors import StepFailed
from mlgitops.core.records import Record
from mlgitops.flow.checkout import Node


def strict(node: Node) -> bool:
    """Return whether the step may use only what it declares; it speaks before its pipeline."""
    return (node.step.hermetic or node.pipeline.spec.hermetic) == "strict"


def doubted(node: Node, record: Record) -> bool:
    """Return whether a record of the step's key is no result of it: it is strict only since."""
    return bool(record.undeclared) and strict(node)


def refuse(node: Node, undeclared: Iterable[str]) -> None:
    """Raise StepFailed when a strict step used anything undeclared (lines of ``Done``)."""
    lines = list(undeclared)
    if not lines or not strict(node):
        return
    raise StepFailed(
        f"{node.name} used what it does not declare, and 'hermetic' is strict: its result is not"
        " kept (undeclared-input)\n\n" + "\n".join(f"  {line}" for line in lines),
        hint=_fix(node, [line.rpartition(" at ")[0] or line for line in lines]),
    )


def _fix(node: Node, used: Iterable[str]) -> str:
    inputs, env, far = [], [], []
    for name in used:
        if name.startswith("$"):
            env.append(name.removeprefix("$"))
        elif name.startswith(f"{node.folder}/") and name != f"{node.folder}/":
            path = PurePosixPath(name.removeprefix(f"{node.folder}/"))
            argument = re.sub(r"\W", "_", path.stem)
            inputs.append(f"{argument}: {{file: {path}}}")
        else:
            far.append(name)
    ways = []
    if inputs:
        ways.append(f"declare it, and take it as an argument: inputs: {{{', '.join(inputs)}}}")
    if env:
        ways.append(f"declare the variable: env: [{', '.join(env)}]")
    if far:
        ways.append(f"an input is a file or folder below {node.folder}: {', '.join(far)} is not")
    return "; ".join(ways)
