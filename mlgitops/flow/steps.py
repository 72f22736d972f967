"""Do the work of one step: its process, its outputs, its record."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, StoreError
from mlgitops.core.events import StepRetrying
from mlgitops.core.keys import key_of_latest
from mlgitops.core.measures import Measure
from mlgitops.core.records import Output, Record, to_bytes
from mlgitops.executor import Job, Outcome
from mlgitops.executor.tasks import Done, read_result
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.failures import Attempt, keep_log, step_failed
from mlgitops.flow.hermetic import refuse
from mlgitops.flow.jobs import (
    FOLDERS,
    Work,
    changed_meanwhile,
    describing,
    output_place,
    prepare,
    take_file,
)
from mlgitops.flow.snapshots import iso
from mlgitops.formats import FOLDER, UNREAD, Description, describe

_FIRST_PAUSE: Final = 0.5  # seconds
_LONGEST_PAUSE: Final = 60.0
_SMALL: Final = 4 << 20  # bytes of JSON that are looked at for numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    wall: float = 0.0
    cpu: float = 0.0
    peak_memory: int = 0

    def plus(self, outcome: Outcome) -> _Cost:
        """Return the cost with one more process."""
        return _Cost(
            wall=self.wall + outcome.wall,
            cpu=self.cpu + outcome.cpu,
            peak_memory=max(self.peak_memory, outcome.peak_memory),
        )


def execute(checkout: Checkout, work: Work, key: Digest) -> Record:
    """Do the work and store what came out; the record is returned, and not remembered yet.

    Raises StepFailed with the user's traceback, TryLater when its files were edited meanwhile,
    StoreError when its folder cannot be filled.
    """
    try:
        with checkout.seams.store.scratch(*FOLDERS) as directory:
            return _execute(checkout, work, key, directory)
    except OSError as error:
        raise StoreError(
            f"{work.node.name} cannot be prepared: {error}",
            hint="its folder is in the store: is that disk full or read-only?",
        ) from error


def _execute(checkout: Checkout, work: Work, key: Digest, directory: Path) -> Record:
    node = work.node
    started = iso(checkout.seams.clock())
    taken = None
    if work.parts.kind == "file":
        taken = take_file(checkout, work, directory)
        done, cost, log = Done(outputs={}), _Cost(), None
    else:
        done, cost, log = _run(checkout, work, directory)
    refuse(node, done.undeclared)
    described, cost = _described(checkout, work, directory, done, cost)
    code = checkout.code(node, checkout.codes.again())
    if code.files != work.parts.code:
        raise changed_meanwhile(node, "its code")
    outputs = {
        name: _take(checkout, output_place(directory, name, format), format, described[name], taken)
        for name, format in work.parts.outputs.items()
    }
    return Record(
        pipeline=node.pipeline.spec.name,
        step=node.step.name,
        element="" if node.element is None else node.element.label,
        key=key,
        parts=work.parts,
        outputs=outputs,
        metrics=_metrics(described),
        started_at=started,
        wall=round(cost.wall, 3),
        cpu=round(cost.cpu, 3),
        peak_memory=cost.peak_memory,
        log=None if log is None else keep_log(checkout, log),
        undeclared=done.undeclared,
        network=done.network,
        programs=done.programs,
        unseen=code.unseen,
    )


def hold(checkout: Checkout, work: Work, digest: Digest) -> None:
    """Hold stored rows, the one output of ``work``, against its contract; StepFailed if broken."""
    with checkout.seams.store.scratch() as directory:
        for name in ("outputs", "work"):
            (directory / name).mkdir()
        name, format = next(iter(work.parts.outputs.items()))
        place = output_place(directory, name, format)
        place.symlink_to(checkout.seams.store.path(digest))
        _described(checkout, work, directory, Done(outputs={}), _Cost())


def remember(checkout: Checkout, record: Record, key: Digest) -> None:
    """Store a record under its key, and as the step's newest; its outputs are stored before."""
    store = checkout.seams.store
    digest = store.put_bytes(to_bytes(record))
    store.remember(key, digest)
    store.remember(key_of_latest(record.pipeline, record.label), digest)
    if checkout.seams.share is not None:
        checkout.seams.share(key, record)


def _run(checkout: Checkout, work: Work, directory: Path) -> tuple[Done, _Cost, Path]:
    """Run the step's process until it succeeds or its attempts are used up."""
    step, cost = work.node.step, _Cost()
    for attempt in range(1, step.retries + 2):
        if attempt > 1:
            _put_aside(directory, attempt - 1)
        job = prepare(checkout, work, directory, attempt)
        outcome = checkout.seams.executor.run(job)
        cost = cost.plus(outcome)
        answer = None if step.command is not None else read_result(job.log.parent)
        missing = _missing(work, job)
        if outcome.exit_code == 0 and not missing and (step.command or isinstance(answer, Done)):
            return answer if isinstance(answer, Done) else Done(outputs={}), cost, job.log
        failed = Attempt(number=attempt, outcome=outcome, answer=answer, missing=missing, job=job)
        if attempt <= step.retries:
            wait = _pause(attempt)
            event = StepRetrying(name=work.node.name, attempt=attempt, wait=wait)
            checkout.seams.watch(event)
            if not work.stopped.wait(wait):
                continue
        raise step_failed(checkout, work, failed)
    raise AssertionError("a step has at least one attempt")


def _pause(attempt: int) -> float:
    """Return the seconds before the next attempt: more each time, and never the same for two.

    What failed because a service was too busy must not come back to it all at once.
    """
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 1))
    return random.uniform(longest / 2, longest)


def _put_aside(directory: Path, attempt: int) -> None:
    """Move away what an attempt left: the next one begins with an empty folder."""
    left = list(directory.iterdir())
    folder = directory / f"failed-{attempt}"
    folder.mkdir()
    for one in left:
        one.rename(folder / one.name)
    for name in FOLDERS:
        (directory / name).mkdir()


def _missing(work: Work, job: Job) -> tuple[str, ...]:
    return tuple(
        name
        for name, format in work.parts.outputs.items()
        if not _is_there(output_place(job.log.parent, name, format), format)
    )


def _is_there(place: Path, format: str) -> bool:
    return place.is_dir() if format == FOLDER else place.is_file()


def _described(
    checkout: Checkout, work: Work, directory: Path, done: Done, cost: _Cost
) -> tuple[Mapping[str, Description], _Cost]:
    """Return what each output holds; those that no worker wrote are read by one, which checks them.

    Text, bytes and JSON of a command are taken as they are.
    """
    found = {
        name: done.outputs.get(name) or _as_it_is(output_place(directory, name, format), format)
        for name, format in work.parts.outputs.items()
    }
    unread = [
        name
        for name, format in work.parts.outputs.items()
        if name not in done.outputs and format not in UNREAD
    ]
    if not unread:
        return found, cost
    job = describing(checkout, work, directory, unread)
    outcome = checkout.seams.executor.run(job)
    answer = read_result(job.log.parent)
    if not isinstance(answer, Done):
        failed = Attempt(
            number=1,
            outcome=outcome,
            answer=answer,
            missing=(),
            job=job,
        )
        raise step_failed(checkout, work, failed)
    return {**found, **answer.outputs}, cost.plus(outcome)


def _as_it_is(place: Path, format: str) -> Description:
    """Return the numbers of a small JSON file that no worker wrote; it need not be one."""
    if format == "json" and place.is_file() and place.stat().st_size <= _SMALL:
        with suppress(MlgitopsError, UnicodeError):
            return describe(place, format)
    return Description()


def _metrics(described: Mapping[str, Description]) -> dict[str, Measure]:
    return {
        f"{output}.{name}": one
        for output, description in described.items()
        for name, one in description.metrics.items()
    }


def _take(
    checkout: Checkout,
    place: Path,
    format: str,
    described: Description,
    taken: tuple[Digest, int] | None,
) -> Output:
    """Take an output in, unless it is ``taken`` already."""
    store = checkout.seams.store
    if taken is None and format == FOLDER:
        digest = store.put_tree(place, move=True)
        taken = digest, store.tree(digest).size
    elif taken is None:
        size = place.stat().st_size
        taken = store.put_file(place, move=True), size
    digest, size = taken
    return Output(
        digest=digest,
        format=format,
        size=size,
        rows=described.rows,
        columns=described.columns,
        content=described.content,
        types=described.types,
    )
