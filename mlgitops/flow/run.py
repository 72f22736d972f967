"""Run what ``plan`` says: steps that wait for nothing side by side, known work reused."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlgitops.core.digests import JSON, Digest
from mlgitops.core.errors import MlgitopsError, Refused, UsageError
from mlgitops.core.events import RunEnded, RunStarted
from mlgitops.core.findings import did_you_mean
from mlgitops.core.plans import Execute, Skip
from mlgitops.core.records import Record
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.choosing import Choice, Meant, meant, threads_of
from mlgitops.flow.machine import machine
from mlgitops.flow.resources import Shares
from mlgitops.flow.running import Ran, Runner
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from mlgitops.core.experiments import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The steps in the order in which they were done. ``error``: of the steps that failed."""

    steps: tuple[Ran, ...]
    seconds: float
    error: MlgitopsError | None = None

    @property
    def records(self) -> Mapping[str, Record]:
        """The record of each step that was not skipped, by label (``train[month=3]``)."""
        return {ran.node.label: ran.record for ran in self.steps if ran.record is not None}

    @property
    def executed(self) -> tuple[Ran, ...]:
        """The steps that ran."""
        return tuple(ran for ran in self.steps if isinstance(ran.decision, Execute))

    @property
    def skipped(self) -> tuple[Ran, ...]:
        """The steps that were not meant to run this time."""
        return tuple(ran for ran in self.steps if isinstance(ran.decision, Skip))


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
    only: str | None = None,
    start: str | None = None,
    jobs: int | None = None,
    force: bool = False,
    keep_going: bool = False,
    params: Mapping[str, JSON] | None = None,
) -> RunResult:
    """Do what ``run_choice`` does; the names are those of ``Choice``."""
    choice = Choice(
        pipeline=pipeline,
        until=until,
        only=only,
        start=start,
        force=force,
        params=params or {},
    )
    return run_choice(seams, workspace, root, choice, jobs=jobs, keep_going=keep_going)


def run_choice(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    choice: Choice,
    *,
    jobs: int | None = None,
    keep_going: bool = False,
) -> RunResult:
    """Do what has to be done for the steps that are meant (see ``choosing``), read from ``root``.

    A first run of a source writes its pin into ``root``; Refused where ``seams.ci``. ``jobs``: how
    many steps at once (as many as the cores). Raises StepFailed when a step fails: what runs beside
    it ends first, nothing new starts (but ``keep_going``: what does not need it), and what is done
    is kept for the next run.
    """
    result = run_all(
        Checkout(seams=seams, workspace=workspace, root=root, keeps=True),
        meant(workspace, choice),
        jobs=jobs,
        keep_going=keep_going,
        asked=choice.asked(),
    )
    if result.error is not None:
        raise result.error
    return result


def run_all(
    checkout: Checkout,
    steps: Sequence[Meant],
    *,
    jobs: int | None,
    keep_going: bool,
    asked: Mapping[str, JSON],
) -> RunResult:
    """Do the work of ``steps``, and tell of it; the error of one that failed is returned.

    What ran is remembered in the ledger, with what was ``asked`` for (``flow.experiments``).
    """
    started, seams, shares = (
        time.perf_counter(),
        checkout.seams,
        Shares(machine=machine(), jobs=jobs),
    )
    runner = Runner(
        checkout=checkout,
        meant=steps,
        shares=shares,
        threads=threads_of(checkout),
        keep_going=keep_going,
    )
    seams.watch(RunStarted(total=len(steps), jobs=shares.at_once))
    error: MlgitopsError | None = None
    status: Status = "interrupted"
    try:
        runner.run()
        seams.store.flush()
        status = "done"
    except MlgitopsError as caught:
        error, status = caught, "failed"
    finally:
        for note in checkout.lock_notes():
            seams.say(f"note: {note}")
        seconds = time.perf_counter() - started
        done = RunResult(steps=tuple(runner.done), seconds=seconds, error=error)
        ran, skipped = len(done.executed), len(done.skipped)
        seams.watch(
            RunEnded(
                ran=ran,
                reused=len(done.steps) - ran - skipped,
                skipped=skipped,
                failed=len(runner.failures),
                seconds=seconds,
                left=runner.left,
            )
        )
        if ran or runner.failures:
            _remember(checkout, runner, status, seconds, asked)
            if status != "interrupted":
                _tell(checkout, runner, seconds)
    return done


def _remember(
    checkout: Checkout, runner: Runner, status: Status, seconds: float, asked: Mapping[str, JSON]
) -> None:
    if checkout.root != checkout.seams.repository.root:
        return
    from mlgitops.flow.experiments import remember

    remember(
        checkout.seams,
        runner.meant,
        runner.done,
        runner.failures,
        status=status,
        seconds=seconds,
        asked=asked,
    )


def _tell(checkout: Checkout, runner: Runner, seconds: float) -> None:
    if any(one.node.pipeline.spec.notify is not None for one in runner.meant):
        from mlgitops.flow.notifying import tell

        tell(checkout.seams, checkout.root, runner.done, runner.failures, seconds)


def records(checkout: Checkout, pipeline: str, step: str) -> Mapping[str, Record]:
    """Return the records of a step and of all that it needs, by label (``train[month=3]``).

    What has to run for it is run; a step that is skipped has none.
    """
    done = _quietly(checkout, meant(checkout.workspace, Choice(pipeline=pipeline, until=step)))
    return {ran.node.label: ran.record for ran in done if ran.record is not None}


def artifact(checkout: Checkout, pipeline: str, name: str) -> Artifact:
    """Return the output ``step.output`` of a pipeline; what is needed for it is run first.

    Says nothing when nothing has to run. UsageError when there is no such step or output.
    """
    step, _, output = name.partition(".")
    steps = meant(checkout.workspace, Choice(pipeline=pipeline, until=step))
    outputs = checkout.workspace.pipelines[pipeline].spec.step(step).outputs
    if output not in outputs:
        raise UsageError(
            f"the step {step!r} of {pipeline!r} has no output {output!r}",
            hint=did_you_mean(output, outputs) or f"it has {', '.join(outputs)}",
        )
    done = _quietly(checkout, steps)
    records = [ran.record for ran in done if ran.node.step.name == step]
    if len(records) != 1 or records[0] is None:
        what = "was skipped" if records == [None] else "is one for each element of its 'foreach'"
        raise Refused(f"{pipeline}.{name} {what}", hint="name the output of a step that runs once")
    record = records[0]
    made = record.outputs[output]
    return Artifact(digest=made.digest, format=made.format, types=made.types, record=record)


def _quietly(checkout: Checkout, steps: Sequence[Meant]) -> tuple[Ran, ...]:
    """Do the work of ``steps``, and tell only of what has to run."""
    done = Runner(
        checkout=checkout,
        meant=steps,
        shares=Shares(machine=machine()),
        threads=threads_of(checkout),
        quiet=True,
    ).run()
    if any(isinstance(ran.decision, Execute) for ran in done):
        checkout.seams.store.flush()
    return done
