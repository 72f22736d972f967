"""Do steps side by side: decide in the caller's thread, work in others."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from mlgitops.core import events
from mlgitops.core.errors import MlgitopsError, StepFailed
from mlgitops.core.graphs import step_needs
from mlgitops.core.plans import Decision, Execute, Reuse
from mlgitops.core.records import Record
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.performing import Performed, perform
from mlgitops.flow.plan import decide_step, nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One step of a run: what was decided, and the record that came of it after ``seconds``."""

    decision: Decision
    record: Record
    seconds: float = 0.0


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of(workspace: Workspace) -> int:
    """Return how many threads each step may use, so that steps side by side share the cores.

    It follows from the specs and the machine alone, never from what happens to run: a sum over more
    threads can differ in its last bit, and with it a model's bytes.
    """
    level: dict[tuple[str, str], int] = {}
    for node in nodes(workspace, None, None):
        name = node.pipeline.spec.name
        makers = step_needs(node.pipeline.spec)[node.step.name]
        level[name, node.step.name] = 1 + max((level[name, maker] for maker in makers), default=0)
    counts = list(level.values())
    at_once = max((counts.count(one) for one in set(counts)), default=1)
    return max(1, cores() // at_once)


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run over ``meant``, at most ``jobs`` steps at once. ``quiet``: not a word on reuse."""

    checkout: Checkout
    meant: Sequence[Node]
    jobs: int
    threads: int
    force: bool = False
    quiet: bool = False
    _made: dict[str, dict[str, Record]] = field(default_factory=dict)
    _done: list[Ran] = field(default_factory=list)
    _busy: dict[Future[Performed], tuple[Node, Execute]] = field(default_factory=dict)
    _failures: list[MlgitopsError] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> tuple[Ran, ...]:
        """Return what was done; raises the first failure when all that ran beside it has ended."""
        waiting = list(self.meant)
        pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="step")
        try:
            while waiting or self._busy:
                waiting = self._start(waiting, pool)
                if not self._busy:
                    break
                finished, _ = wait(self._busy, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finish(future)
        except BaseException:
            # ^C among others: end the processes, so that the threads that wait for them end too.
            self._stopped.set()
            self.checkout.seams.executor.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        if self._failures:
            raise _together(self._failures)
        return tuple(self._done)

    def _start(self, waiting: list[Node], pool: ThreadPoolExecutor) -> list[Node]:
        """Start or settle what can be, in order; return the steps that go on waiting."""
        left: list[Node] = []
        for node in waiting:
            made = self._made.setdefault(node.pipeline.spec.name, {})
            makers = step_needs(node.pipeline.spec)[node.step.name]
            full = len(self._busy) >= self.jobs
            if self._failures or full or any(maker not in made for maker in makers):
                left.append(node)
                continue
            try:
                decision = decide_step(self.checkout, node, made, force=self.force)
            except MlgitopsError as error:
                self._failures.append(error)
                left.append(node)
                continue
            if isinstance(decision, Reuse):
                self._settle(node, Ran(decision=decision, record=decision.record))
                if not self.quiet:
                    self._tell(events.StepReused(name=node.name, notes=decision.notes))
            else:
                self._tell(
                    events.StepStarted(
                        name=node.name,
                        because=decision.because,
                        notes=decision.notes,
                        usual=decision.usual,
                    )
                )
                self._busy[self._submit(node, made, pool)] = (node, decision)
        return left

    def _submit(
        self, node: Node, made: dict[str, Record], pool: ThreadPoolExecutor
    ) -> Future[Performed]:
        return pool.submit(
            perform,
            self.checkout,
            node,
            dict(made),
            threads=self.threads,
            force=self.force,
            stopped=self._stopped.is_set,
        )

    def _finish(self, future: Future[Performed]) -> None:
        node, decision = self._busy.pop(future)
        try:
            performed = future.result()
        except MlgitopsError as error:
            self._failures.append(error)
            self._tell(events.StepFailed(name=node.name, message=error.message))
            return
        seconds, record = performed.seconds, performed.record
        if performed.elsewhere:
            reuse = Reuse(pipeline=decision.pipeline, step=decision.step, record=record)
            self._settle(node, Ran(decision=reuse, record=record))
            self._tell(events.StepDone(name=node.name, seconds=0.0, elsewhere=True))
        else:
            self._settle(node, Ran(decision=decision, record=record, seconds=seconds))
            notes = performed.notes
            self._tell(events.StepDone(name=node.name, seconds=seconds, notes=notes))

    def _settle(self, node: Node, ran: Ran) -> None:
        self._made[node.pipeline.spec.name][node.step.name] = ran.record
        self._done.append(ran)

    def _tell(self, event: events.Event) -> None:
        self.checkout.seams.watch(event)


def _together(failures: Sequence[MlgitopsError]) -> MlgitopsError:
    """Return the first failure, with the others' first lines when several steps failed."""
    first, others = failures[0], failures[1:]
    if not others or not isinstance(first, StepFailed):
        return first
    more = [f"also: {error.message.splitlines()[0]}" for error in others]
    return StepFailed("\n\n".join([first.message, "\n".join(more)]), hint=first.hint)
