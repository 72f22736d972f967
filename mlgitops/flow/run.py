"""Run what ``plan`` says: steps that wait for nothing side by side, known work reused."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from mlgitops.core.digests import Digest
from mlgitops.core.errors import UsageError
from mlgitops.core.events import RunEnded, RunStarted
from mlgitops.core.findings import did_you_mean
from mlgitops.core.plans import Execute
from mlgitops.core.records import Record
from mlgitops.core.workspaces import Workspace
from mlgitops.flow import plan
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.running import Ran, Runner, cores, threads_of
from mlgitops.flow.seams import Seams


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The steps in the order in which they were done."""

    steps: tuple[Ran, ...]
    seconds: float

    @property
    def executed(self) -> tuple[Ran, ...]:
        """The steps that ran."""
        return tuple(ran for ran in self.steps if isinstance(ran.decision, Execute))


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One output of a step: its bytes are in the store. ``types``: see ``formats.read``."""

    digest: Digest
    format: str
    types: tuple[str, ...]
    record: Record


def run(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    *,
    pipeline: str | None = None,
    until: str | None = None,
    jobs: int | None = None,
    force: bool = False,
) -> RunResult:
    """Do what has to be done for the steps that are meant (see ``plan``), read from ``root``.

    A first run of a source writes its pin into ``root``; Refused where ``seams.ci``. ``jobs``: how
    many steps at once (the number of cores). Raises StepFailed when a step fails: what runs beside
    it ends first, nothing new starts, and what is done is kept for the next run.
    """
    started = time.perf_counter()
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    meant = plan.meant(workspace, pipeline, until)
    at_once = jobs or cores()
    seams.watch(RunStarted(total=len(meant), jobs=at_once))
    done = Runner(
        checkout=checkout,
        meant=meant,
        jobs=at_once,
        threads=threads_of(workspace),
        force=force,
    ).run()
    for note in checkout.lock_notes():
        seams.say(f"note: {note}")
    result = RunResult(steps=done, seconds=time.perf_counter() - started)
    ran = len(result.executed)
    seams.watch(
        RunEnded(
            ran=ran,
            reused=len(result.steps) - ran,
            skipped=0,
            failed=0,
            seconds=result.seconds,
        )
    )
    return result


def artifact(seams: Seams, workspace: Workspace, root: Path, pipeline: str, name: str) -> Artifact:
    """Return the output ``step.output`` of a pipeline; what is needed for it is run first.

    Says nothing when nothing has to run. UsageError when there is no such step or output.
    """
    step, _, output = name.partition(".")
    meant = plan.meant(workspace, pipeline, step)
    outputs = workspace.pipelines[pipeline].spec.step(step).outputs
    if output not in outputs:
        raise UsageError(
            f"the step {step!r} of {pipeline!r} has no output {output!r}",
            hint=did_you_mean(output, outputs) or f"it has {', '.join(outputs)}",
        )
    done = Runner(
        checkout=Checkout(seams=seams, workspace=workspace, root=root),
        meant=meant,
        jobs=cores(),
        threads=threads_of(workspace),
        quiet=True,
    ).run()
    record = next(ran.record for ran in done if ran.decision.step == step)
    made = record.outputs[output]
    return Artifact(digest=made.digest, format=made.format, types=made.types, record=record)
