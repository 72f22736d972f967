"""Run what ``plan`` says: steps that wait for nothing side by side, known work reused."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, StepFailed, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.graphs import step_needs
from mlgitops.core.plans import Decision, Execute, Reuse
from mlgitops.core.records import Record
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.performing import Performed, perform
from mlgitops.flow.plan import decide_step, nodes
from mlgitops.flow.seams import Seams


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One step of a run: what was decided, and the record that came of it after ``seconds``."""

    decision: Decision
    record: Record
    seconds: float = 0.0


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
    meant = nodes(workspace, pipeline, until)
    cores = os.cpu_count() or 1
    jobs = max(1, jobs or cores)
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    at_once = min(jobs, _width(meant))
    runner = _Runner(checkout, meant, force=force, threads=max(1, cores // at_once))
    done = runner.run(jobs)
    for note in checkout.lock_notes():
        seams.say(f"note: {note}")
    result = RunResult(steps=tuple(done), seconds=time.perf_counter() - started)
    count, ran = len(result.steps), len(result.executed)
    if ran:
        seams.say(f"{_steps(ran)} ran, {count - ran} reused, in {result.seconds:.1f} s")
    else:
        seams.say(f"nothing to do: {_steps(count)} {'is' if count == 1 else 'are'} up to date")
    return result


def artifact(seams: Seams, workspace: Workspace, root: Path, pipeline: str, name: str) -> Artifact:
    """Return the output ``step.output`` of a pipeline; what is needed for it is run first."""
    step, _, output = name.partition(".")
    meant = nodes(workspace, pipeline, step)
    outputs = workspace.pipelines[pipeline].spec.step(step).outputs
    if output not in outputs:
        raise UsageError(
            f"the step {step!r} of {pipeline!r} has no output {output!r}",
            hint=did_you_mean(output, outputs) or f"it has {', '.join(outputs)}",
        )
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    threads = max(1, (os.cpu_count() or 1) // _width(meant))
    done = _Runner(checkout, meant, force=False, threads=threads, quiet=True).run(
        os.cpu_count() or 1
    )
    record = next(ran.record for ran in done if ran.decision.step == step)
    made = record.outputs[output]
    return Artifact(digest=made.digest, format=made.format, types=made.types, record=record)


def _width(meant: Sequence[Node]) -> int:
    """Return about how many of the steps can run at once.

    It bounds the threads of each step, and must not depend on when what ends: a sum over more
    threads can differ in its last bit, and with it a model's bytes.
    """
    level: dict[tuple[str, str], int] = {}
    for node in meant:
        name = node.pipeline.spec.name
        makers = step_needs(node.pipeline.spec)[node.step.name]
        level[name, node.step.name] = 1 + max((level[name, maker] for maker in makers), default=0)
    counts = list(level.values())
    return max((counts.count(one) for one in set(counts)), default=1)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


@dataclass(slots=True)
class _Runner:
    """Decides in the caller's thread, works in others."""

    checkout: Checkout
    meant: Sequence[Node]
    force: bool = field(kw_only=True)
    threads: int = field(kw_only=True)
    quiet: bool = field(default=False, kw_only=True)
    made: dict[str, dict[str, Record]] = field(default_factory=dict)
    done: list[Ran] = field(default_factory=list)
    busy: dict[Future[Performed], tuple[Node, Execute]] = field(default_factory=dict)
    failures: list[MlgitopsError] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, jobs: int) -> list[Ran]:
        """Return what was done, or raise the first failure when all that ran has ended."""
        waiting = list(self.meant)
        pool = ThreadPoolExecutor(jobs, thread_name_prefix="step")
        try:
            while waiting or self.busy:
                waiting = self._start(waiting, pool)
                if not self.busy:
                    break
                finished, _ = wait(self.busy, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finish(future)
        except BaseException:
            # ^C among others: end the processes, so that the threads that wait for them end too.
            self.stopped.set()
            self.checkout.seams.executor.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        if self.failures:
            raise _together(self.failures)
        return self.done

    def _start(self, waiting: list[Node], pool: ThreadPoolExecutor) -> list[Node]:
        """Start or settle every step whose inputs are known; return those that go on waiting."""
        left: list[Node] = []
        for node in waiting:
            name = node.pipeline.spec.name
            made = self.made.setdefault(name, {})
            makers = step_needs(node.pipeline.spec)[node.step.name]
            if self.failures or any(maker not in made for maker in makers):
                left.append(node)
                continue
            try:
                decision = decide_step(self.checkout, node, made, force=self.force)
            except MlgitopsError as error:
                self.failures.append(error)
                left.append(node)
                continue
            if isinstance(decision, Reuse):
                self._settle(node, Ran(decision=decision, record=decision.record))
                self._say(node, "reused", decision.notes, loud=False)
                continue
            self._say(node, f"started: {'; '.join(decision.because)}", decision.notes)
            future = pool.submit(
                perform,
                self.checkout,
                node,
                dict(made),
                threads=self.threads,
                force=self.force,
                stopped=self.stopped.is_set,
            )
            self.busy[future] = (node, decision)
        return left

    def _finish(self, future: Future[Performed]) -> None:
        node, decision = self.busy.pop(future)
        try:
            performed = future.result()
        except MlgitopsError as error:
            self.failures.append(error)
            self.checkout.seams.say(f"{node.name}: failed")
            return
        seconds, record = performed.seconds, performed.record
        if performed.elsewhere:
            reuse = Reuse(pipeline=decision.pipeline, step=decision.step, record=record)
            self._settle(node, Ran(decision=reuse, record=record))
            self._say(node, "done by another run", ())
        else:
            self._settle(node, Ran(decision=decision, record=record, seconds=seconds))
            self._say(node, f"done in {seconds:.1f} s", performed.notes)

    def _settle(self, node: Node, ran: Ran) -> None:
        self.made[node.pipeline.spec.name][node.step.name] = ran.record
        self.done.append(ran)

    def _say(self, node: Node, what: str, notes: Sequence[str], *, loud: bool = True) -> None:
        if self.quiet and not loud:
            return
        self.checkout.seams.say(f"{node.name}: {what}")
        for note in notes:
            self.checkout.seams.say(f"  note: {note}")


def _together(failures: Sequence[MlgitopsError]) -> MlgitopsError:
    """Return the first failure, with the others' first lines when several steps failed."""
    first, others = failures[0], failures[1:]
    if not others or not isinstance(first, StepFailed):
        return first
    more = [f"also: {error.message.splitlines()[0]}" for error in others]
    return StepFailed("\n\n".join([first.message, "\n".join(more)]), hint=first.hint)
