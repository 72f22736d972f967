"""Do steps side by side: decide in the caller's thread, work in others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from mlgitops.core import events
from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, Refused, StepFailed
from mlgitops.core.graphs import makers
from mlgitops.core.plans import Decision, Execute, Reuse, Skip
from mlgitops.core.records import Record
from mlgitops.core.results import SKIPPED, Result, Results
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.choosing import Meant
from mlgitops.flow.deciding import Each, decide_step, look
from mlgitops.flow.queueing import WHOLE, Place, Queue
from mlgitops.flow.resources import Share, Shares, threads

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from mlgitops.flow.performing import Performed

# So many steps that do not fit yet are decided ahead: others that fit are found behind them.
_AHEAD: Final = 64
_THREADS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One step of a run: what was decided, and the record that came of it after ``seconds``.

    No record: it was skipped.
    """

    node: Node
    decision: Decision
    record: Record | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One step that failed; no decision: it failed before one was made."""

    node: Node
    error: MlgitopsError
    decision: Execute | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """A step that has to run. ``lock``: what names its work, so that it is done once."""

    place: Place
    node: Node
    decision: Execute
    lock: Digest


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run over the steps that are meant. ``quiet``: not a word on what does not run.

    ``keep_going``: after a failure all is done that does not need what failed; otherwise what runs
    is brought to its end, and no more is started.
    """

    checkout: Checkout
    meant: Sequence[Meant]
    shares: Shares
    threads: int
    keep_going: bool = False
    quiet: bool = False
    done: list[Ran] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    _made: dict[tuple[str, str], dict[str, Result]] = field(default_factory=dict)
    _elements: dict[int, dict[int, Record]] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)
    _nodes: dict[Place, Node] = field(default_factory=dict)
    _waiting: list[_Ready] = field(default_factory=list)
    _busy: dict[Future[Performed], tuple[_Ready, Share]] = field(default_factory=dict)
    _twins: dict[Digest, list[Place]] = field(default_factory=dict)
    _again: set[Place] = field(default_factory=set)
    _pool: ThreadPoolExecutor | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _ended: SimpleQueue[Future[Performed]] = field(default_factory=SimpleQueue)

    def run(self) -> tuple[Ran, ...]:
        """Return what was done; raises the first failure when all that ran beside it has ended."""
        queue = Queue(self._needs())
        try:
            while True:
                self._start()
                self._decide(queue)
                if self._busy:
                    self._finish(self._ended.get(), queue)
                elif not len(queue) or self._over:
                    break
        except BaseException:
            # ^C among others: end the processes, so that the threads that wait for them end too.
            self._stopped.set()
            self.checkout.seams.executor.stop()
            raise
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
        if self.failures:
            raise _together([one.error for one in self.failures])
        return tuple(self.done)

    @property
    def left(self) -> int:
        """How many of the steps that are meant have no result yet, and did not fail."""
        names = {_name(one.node) for one in self.meant}
        done = {(*scope, name) for scope, made in self._made.items() for name in made}
        return len(names - done - {_name(one.node) for one in self.failures})

    @property
    def _over(self) -> bool:
        return bool(self.failures) and not self.keep_going

    def _needs(self) -> list[list[int]]:
        numbers = {_name(one.node): number for number, one in enumerate(self.meant)}
        found = []
        for one in self.meant:
            scope = _scope(one.node)
            found.append([numbers[*scope, maker] for maker in makers(one.node.step)])
        return found

    # -- deciding -----------------------------------------------------------------------------

    def _decide(self, queue: Queue) -> None:
        """Settle what need not run, and start what has to."""
        while len(queue) and len(self._waiting) < _AHEAD and not self._over:
            place = queue.next()
            try:
                self._look(place, queue)
                if self._waiting and self._submit(self._waiting[-1]):
                    self._waiting.pop()
            except MlgitopsError as error:
                self._failed(self._node(place), error)

    def _look(self, place: Place, queue: Queue) -> None:
        number, element = place
        one, node = self.meant[number], self._node(place)
        made = self._made.setdefault(_scope(node), {})
        seen = look(self.checkout, node, made) if element == WHOLE else node
        match seen:
            case Node():
                self._decide_one(place, one, seen, made, queue)
            case Each(nodes=nodes):
                self._expand(number, nodes, queue)
            case Skip():
                made[node.step.name] = SKIPPED
                self.done.append(Ran(node=node, decision=seen, record=None))
                self._tell(events.StepSkipped(name=node.name, because=seen.because), loud=False)
                queue.done(number)
            case Execute():
                raise AssertionError(f"{node.name} was looked at too early")

    def _decide_one(
        self, place: Place, one: Meant, node: Node, made: Results, queue: Queue
    ) -> None:
        because = None if place in self._again else one.because
        decision = decide_step(self.checkout, node, made, because=because)
        if isinstance(decision, Reuse):
            ran = Ran(node=node, decision=decision, record=decision.record)
            self._settle(place, ran, decision.record, queue)
            told = events.StepReused(name=node.name, notes=decision.notes)
            self._tell(told, loud=False)
            return
        if one.known:
            raise Refused(
                f"{node.name} would run: {'; '.join(decision.because)}",
                hint="--only runs one step, whose inputs are known; --until runs what it needs too",
            )
        from mlgitops.flow.performing import lock_key

        lock = lock_key(node, decision)
        if lock in self._twins:
            # The same work is done in this run already: this is decided when that has ended.
            self._twins[lock].append(place)
        else:
            self._twins[lock] = []
            self._waiting.append(_Ready(place, node, decision, lock))

    def _expand(self, number: int, nodes: Sequence[Node], queue: Queue) -> None:
        node = self.meant[number].node
        self._tell(events.StepsFound(name=node.name, count=len(nodes)), loud=False)
        self._elements[number], self._counts[number] = {}, len(nodes)
        for element, one in enumerate(nodes):
            self._nodes[number, element] = one
            queue.put((number, element))
        if not nodes:
            self._made[_scope(node)][node.step.name] = ()
            queue.done(number)

    # -- doing --------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start what is ready and fits beside what runs, in order."""
        waiting, self._waiting = self._waiting, []
        for ready in waiting:
            if self.shares.full or self._over or not self._submit(ready):
                self._waiting.append(ready)

    def _submit(self, ready: _Ready) -> bool:
        """Start a step; return whether it needs to wait no more."""
        # What works is imported by who has work: most runs find that nothing is to be done.
        from mlgitops.flow.performing import How, perform

        try:
            share = self.shares.take(ready.node)
        except MlgitopsError as error:
            self._failed(ready.node, error, ready.decision)
            return True
        if share is None:
            return False
        node, decision = ready.node, ready.decision
        made = self._made[_scope(node)]
        self._tell(
            events.StepStarted(
                name=node.name,
                because=decision.because,
                notes=decision.notes,
                usual=decision.usual,
            )
        )
        future = self._threads_for(node).submit(
            perform,
            self.checkout,
            node,
            {maker: made[maker] for maker in makers(node.step)},
            decision=decision,
            how=How(
                threads=threads(node, self.threads),
                gpus=share.gpus if self.shares.machine.gpus else None,
                anew=self.meant[ready.place[0]].because is not None,
                stopped=self._stopped,
            ),
        )
        self._busy[future] = (ready, share)
        future.add_done_callback(self._ended.put)
        return True

    def _threads_for(self, first: Node) -> ThreadPoolExecutor:
        """Return the threads that work, made when ``first`` starts."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            from mlgitops.flow.expecting import expect

            # Threads are made as they are needed; ``shares`` says how many steps run.
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="step")
            nodes = [one.node for one in self.meant]
            self._pool.submit(expect, self.checkout, nodes, first, self.threads)
        return self._pool

    def _finish(self, future: Future[Performed], queue: Queue) -> None:
        ready, share = self._busy.pop(future)
        self.shares.give_back(share)
        twins = self._twins.pop(ready.lock)
        self._again.update(twins)
        for place in twins:
            queue.put(place)
        node, decision = ready.node, ready.decision
        try:
            performed = future.result()
        except MlgitopsError as error:
            self._failed(node, error, decision)
            return
        seconds, record, notes = performed.seconds, performed.record, performed.notes
        if performed.elsewhere:
            reuse = Reuse(pipeline=decision.pipeline, step=decision.step, record=record)
            ran = Ran(node=node, decision=reuse, record=record)
            self._tell(events.StepDone(name=node.name, seconds=0.0, elsewhere=True))
        else:
            ran = Ran(node=node, decision=decision, record=record, seconds=seconds)
            told = events.StepDone(name=node.name, seconds=seconds, notes=notes, log=record.log)
            self._tell(told)
        self._settle(ready.place, ran, record, queue)

    def _settle(self, place: Place, ran: Ran, record: Record, queue: Queue) -> None:
        """Keep a result; a step with elements has one when all of them have."""
        number, element = place
        self.done.append(ran)
        result: Result = record
        if element != WHOLE:
            records = self._elements[number]
            records[element] = record
            if len(records) < self._counts[number]:
                return
            result = tuple(records[place] for place in range(len(records)))
        self._made[_scope(ran.node)][ran.node.step.name] = result
        queue.done(number)

    def _failed(self, node: Node, error: MlgitopsError, decision: Execute | None = None) -> None:
        self.failures.append(Failure(node=node, error=error, decision=decision))
        self._tell(events.StepFailed(name=node.name, message=error.message))

    def _node(self, place: Place) -> Node:
        return self._nodes.get(place) or self.meant[place[0]].node

    def _tell(self, event: events.Event, *, loud: bool = True) -> None:
        if loud or not self.quiet:
            self.checkout.seams.watch(event)


def _scope(node: Node) -> tuple[str, str]:
    return node.pipeline.spec.name, node.variant


def _name(node: Node) -> tuple[str, str, str]:
    return *_scope(node), node.step.name


def _together(failures: Sequence[MlgitopsError]) -> MlgitopsError:
    """Return the first failure, with the others' first lines when several steps failed."""
    first, others = failures[0], failures[1:]
    if not others or not isinstance(first, StepFailed):
        return first
    more = [f"also: {error.message.splitlines()[0]}" for error in others]
    return StepFailed("\n\n".join([first.message, "\n".join(more)]), hint=first.hint)
