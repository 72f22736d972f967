"""Run a pipeline once for each value of a param; what the passes share is done once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlgitops.core.digests import JSON, canonical
from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.choosing import Choice, Meant, meant
from mlgitops.flow.run import RunResult, run_all
from mlgitops.flow.running import Ran
from mlgitops.flow.seams import Seams


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What came of one value. ``missing``: the steps that failed or were not reached."""

    value: JSON
    steps: tuple[Ran, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The passes in the order of the values. ``error``: of the steps that failed."""

    param: str
    passes: tuple[Pass, ...]
    error: MlgitopsError | None


def backfill(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    *,
    choice: Choice,
    param: str,
    values: Sequence[JSON],
    jobs: int | None = None,
    keep_going: bool = False,
) -> Backfill:
    """Do the passes side by side, as one run; raises nothing for a step that fails.

    UsageError when no pipeline is named and there are several.
    """
    if choice.pipeline is None and len(workspace.pipelines) != 1:
        raise UsageError(
            "a backfill is of one pipeline",
            hint=f"name it: {', '.join(sorted(workspace.pipelines)) or 'there is none yet'}",
        )
    variants = {_variant(param, value): value for value in values}
    steps: dict[str, tuple[Meant, ...]] = {}
    for variant, value in variants.items():
        mine = replace(choice, params={**choice.params, param: value})
        steps[variant] = meant(workspace, mine, variant)
    asked: dict[str, JSON] = {**choice.asked(), "backfill": {param: list(variants.values())}}
    result = run_all(
        Checkout(seams=seams, workspace=workspace, root=root, keeps=True),
        [one for mine in steps.values() for one in mine],
        jobs=jobs,
        keep_going=keep_going,
        asked=asked,
    )
    passes = tuple(
        _pass(result, variant, value, steps[variant]) for variant, value in variants.items()
    )
    return Backfill(param=param, passes=passes, error=result.error)


def _variant(param: str, value: JSON) -> str:
    return f"{param}={value if isinstance(value, str) else canonical(value).decode()}"


def _pass(result: RunResult, variant: str, value: JSON, steps: Sequence[Meant]) -> Pass:
    done = tuple(ran for ran in result.steps if ran.node.variant == variant)
    there = {ran.node.step.name for ran in done}
    missing = tuple(one.node.step.name for one in steps if one.node.step.name not in there)
    return Pass(value=value, steps=done, missing=missing)
