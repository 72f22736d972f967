"""Do one step's work once, however many runs want it at the same time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlgitops.core.digests import Digest, of_value, parse_digest, short
from mlgitops.core.errors import Refused, StoreError, TryLater
from mlgitops.core.events import StepWaiting
from mlgitops.core.keys import key_of
from mlgitops.core.plans import Execute, Reuse, observed
from mlgitops.core.records import Record
from mlgitops.core.results import Results
from mlgitops.core.specs.environments import Snapshot
from mlgitops.core.specs.pipelines import PinnedSource
from mlgitops.files import write_whole
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.deciding import contracts_of, decide_step, lookup
from mlgitops.flow.hermetic import doubted
from mlgitops.flow.jobs import Work
from mlgitops.flow.snapshots import (
    key_of_pin,
    moment,
    only_output,
    pin_bytes,
    pin_of,
    pin_path,
    read_pin,
    record_of_pin,
    same_rows,
)
from mlgitops.flow.steps import execute, hold, remember


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """The record of the work. ``elsewhere``: another run did it while this one waited."""

    record: Record
    elsewhere: bool = False
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a step runs: its threads and graphics processors (None: this machine has none).

    ``anew``: although its work may be known. ``stopped``: set when the whole run is given up.
    """

    threads: int
    gpus: tuple[str, ...] | None = None
    anew: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)


def perform(
    checkout: Checkout,
    node: Node,
    made: Results,
    *,
    decision: Execute,
    how: How,
) -> Performed:
    """Do the work of ``node``, or take what another run made of it meanwhile.

    Raises TryLater when the run is given up while this waits for another one.
    """
    told = False

    def waiting() -> None:
        nonlocal told
        if how.stopped.is_set():
            raise TryLater(f"{node.name} was not started: the run was stopped")
        if not told:
            checkout.seams.watch(StepWaiting(name=node.name))
            told = True

    with checkout.seams.store.lock(lock_key(node, decision), waiting):
        # The lock was free, or it was another's: then the work is known by now.
        known = _known(checkout, node, made, decision) if told or not how.anew else None
        if known is not None:
            return Performed(record=known, elsewhere=True)
        started = time.perf_counter()
        record, remarks = _work(checkout, node, made, decision, how)
        seconds = time.perf_counter() - started
        return Performed(record=record, seconds=seconds, notes=(*remarks, *observed(record)))


def lock_key(node: Node, decision: Execute) -> Digest:
    """Return what names the work, so that nobody does it twice at once."""
    if decision.key is None or isinstance(node.step.source, PinnedSource):
        # Its key is not known before it has brought something in.
        return of_value(["source", node.pipeline.spec.name, node.step.name])
    return decision.key


def _known(checkout: Checkout, node: Node, made: Results, decision: Execute) -> Record | None:
    if decision.parts is None or decision.key is None:
        again = decide_step(checkout, node, made)
        return again.record if isinstance(again, Reuse) else None
    known = lookup(checkout.seams.store, decision.key, None, decision.parts)
    if known.missing or (known.record is not None and doubted(node, known.record)):
        return None
    return known.record


def _work(
    checkout: Checkout, node: Node, made: Results, decision: Execute, how: How
) -> tuple[Record, tuple[str, ...]]:
    """Return the record of the work, done now, and what to say about it."""
    if isinstance(node.step.source, PinnedSource):
        pin = read_pin(checkout, node)
        if pin is not None and checkout.seams.store.has(parse_digest(pin.digest)):
            return _hold(checkout, node, pin, how.threads)
        if pin is not None:
            return ask_again(checkout, node, made, pin, how.threads)
        return _first(checkout, node, made, how.threads)
    # What the key was made of: whatever is edited since is found when it is read again.
    parts = decision.parts or checkout.parts(node, made)
    key = decision.key or key_of(parts)
    work = Work(
        node=node, parts=parts, made=made, threads=how.threads, gpus=how.gpus, stopped=how.stopped
    )
    record = execute(checkout, work, key)
    remember(checkout, record, key)
    return record, ()


def take_snapshot(
    checkout: Checkout, node: Node, made: Results, as_of: str, threads: int
) -> tuple[Snapshot, Record]:
    """Ask a source for its rows as of ``as_of``; bytes and record are stored, no pin is written."""
    parts = replace(checkout.parts(node, made), as_of=as_of)
    work = Work(node=node, parts=parts, made=made, threads=threads)
    record = execute(checkout, work, key_of(parts))
    pin = pin_of(node, record, as_of)
    record = replace(record, key=key_of_pin(node, pin))
    remember(checkout, record, record.key)
    checkout.seams.store.flush()  # a pin outlives the machine's power
    return pin, record


def _first(
    checkout: Checkout, node: Node, made: Results, threads: int
) -> tuple[Record, tuple[str, ...]]:
    path = pin_path(node)
    if checkout.seams.ci:
        raise Refused(
            f"{node.name} has no snapshot: there is no {path}",
            hint="in CI nothing is made up: run it elsewhere and commit the pin that it writes",
        )
    pin, record = take_snapshot(checkout, node, made, moment(checkout, node), threads)
    write_whole(Path(checkout.root, path), pin_bytes(pin))
    return record, (f"wrote {path}: {pin.rows:,} rows as of {pin.as_of}; commit it",)


def _hold(
    checkout: Checkout, node: Node, pin: Snapshot, threads: int
) -> tuple[Record, tuple[str, ...]]:
    """Hold the rows of a snapshot, which are here, against a contract that is new or changed."""
    key, digest = key_of_pin(node, pin), parse_digest(pin.digest)
    known = lookup(checkout.seams.store, key, None).record
    if known is None:
        size = checkout.seams.store.path(digest).stat().st_size
        known = record_of_pin(node, pin, size)
    parts = replace(known.parts, contracts=contracts_of(checkout, node))
    hold(checkout, Work(node=node, parts=parts, made={}, threads=threads), digest)
    record = replace(known, parts=parts)
    remember(checkout, record, key)
    return record, ("the rows of its snapshot keep the contract",)


def ask_again(
    checkout: Checkout, node: Node, made: Results, pin: Snapshot, threads: int
) -> tuple[Record, tuple[str, ...]]:
    """Bring in what is pinned once more, because its bytes are gone; it must be the same rows."""
    parts = replace(checkout.parts(node, made), as_of=pin.as_of)
    work = Work(node=node, parts=parts, made=made, threads=threads)
    record = execute(checkout, work, key_of_pin(node, pin))
    output = only_output(record)
    if not same_rows(pin, output):
        raise StoreError(
            f"{node.name} does not bring in what is pinned any more: as of {pin.as_of} it gave"
            f" {output.rows or 0:,} rows ({short(output.digest)}), and {pin_path(node)} says"
            f" {pin.rows:,} rows ({short(pin.digest)})",
            hint="bring the store back that holds the snapshot, or take a new one with"
            f" `mlgitops refresh {node.pipeline.spec.name} --source {node.step.name}`",
        )
    remember(checkout, record, record.key)
    if output.digest == pin.digest:
        return record, ()
    return record, ("the same rows in other bytes: another version wrote the file",)
