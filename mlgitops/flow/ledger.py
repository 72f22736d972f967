"""The ledger: evidence in ``refs/mlgitops/ledger/<year>``, to which records are only ever added.

Every record is a file of its own, so that writers at the same time never conflict: each puts its
record on top of what is there by then. Unsigned: no gate may rest on a record (``core.ledgers``).
A clone of a remote keeps records that nobody asked to share in ``refs/mlgitops-local/ledger``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.errors import RaceLost
from mlgitops.core.ledgers import HERE, PREFIX, Record, from_bytes, record, to_bytes
from mlgitops.git import Published, RefUpdate, Repository, Standing

# More than there may be writers: in each round at least one of them wins.
_ATTEMPTS: Final = 60


def append(repository: Repository, kind: str, body: Mapping[str, JSON], at: datetime) -> str:
    """Add a record and return its path; the second time the same is added, nothing is written.

    Raises RaceLost, NotAllowed when the remote refuses, UsageError for what cannot be recorded.
    """
    one = record(kind, body, at)
    data = to_bytes(one)
    for attempt in range(_ATTEMPTS):
        if attempt:
            repository.fetch()
        tip = repository.refs(one.ref).get(one.ref)
        if tip is not None and repository.file(tip, one.path) is not None:
            return one.path
        commit = repository.commit(tip, {one.path: data}, f"Record {kind} {one.id[:12]}\n")
        answer = repository.publish([RefUpdate(ref=one.ref, old=tip, new=commit)])
        if isinstance(answer, Published):
            return one.path
        _pause(attempt)
    raise _lost(one.ref)


def append_here(
    repository: Repository, kind: str, body: Mapping[str, JSON], at: datetime, standing: Standing
) -> Record:
    """Add a record without asking the remote; see ``share``. Cheap: one commit in one process.

    Without a remote, this repository is the place that everybody shares. Raises GitError.
    """
    one = record(kind, body, at)
    ref = one.ref_here if standing.remote else one.ref
    repository.grow(ref, one.path, to_bytes(one), f"Record {kind} {one.id[:12]}\n", standing)
    return one


def share(repository: Repository) -> int:
    """Add the records that only this clone has to the shared ledger; return how many they were.

    Whatever others add at the same time stays: every record is a file of its own. Raises RaceLost,
    NotAllowed when the remote refuses.
    """
    return sum(_share(repository, ref, commit) for ref, commit in repository.refs(HERE).items())


def _share(repository: Repository, here: str, commit: str) -> int:
    ref = PREFIX + here.removeprefix(HERE)
    mine = repository.entries(commit)
    for attempt in range(_ATTEMPTS):
        repository.fetch()
        tip = repository.refs(ref).get(ref)
        known = {} if tip is None else repository.entries(tip)
        new = {path: blob for path, blob in mine.items() if path not in known}
        answer: object = Published()
        if new:
            united = repository.united(tip, new, f"Record {len(new)} of a clone\n")
            answer = repository.publish([RefUpdate(ref=ref, old=tip, new=united)])
        if isinstance(answer, Published):
            # A run that ended meanwhile has moved the ref; then it stays, for the next time.
            repository.run("update-ref", "-d", here, commit, accept=(0, 1, 128))
            return len(new)
        _pause(attempt)
    raise _lost(ref)


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.02) * min(attempt, 10))


def _lost(ref: str) -> RaceLost:
    return RaceLost(
        f"others wrote to {ref} {_ATTEMPTS} times in a row", hint="run the same command again"
    )


def read(repository: Repository, kind: str | None = None) -> tuple[Record, ...]:
    """Return the records (of one kind) as last fetched, oldest first; see also ``damaged``."""
    return read_all(repository, kind)[0]


def damaged(repository: Repository, kind: str | None = None) -> tuple[str, ...]:
    """Return the files of the ledger that are no record, or that somebody edited."""
    return read_all(repository, kind)[1]


def read_all(
    repository: Repository, kind: str | None = None
) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Return what ``read`` and ``damaged`` do, from one reading."""
    found = _all(repository, kind)
    good = {one.path: one for _, one in found if one is not None}
    wrong = sorted(path for path, one in found if one is None)
    return tuple(sorted(good.values(), key=lambda one: (one.at, one.id))), tuple(wrong)


def _all(repository: Repository, kind: str | None) -> list[tuple[str, Record | None]]:
    places = [
        (ref, path, blob)
        for ref, commit in {**repository.refs(PREFIX), **repository.refs(HERE)}.items()
        for path, blob in repository.entries(commit, kind or "").items()
    ]
    found: list[tuple[str, Record | None]] = []
    blobs = repository.blobs([blob for _, _, blob in places])
    for (ref, path, _), data in zip(places, blobs, strict=True):
        one = from_bytes(path, data or b"")
        # A record in the ledger of another year would be counted twice.
        right = one is not None and ref in (one.ref, one.ref_here)
        found.append((f"{ref}:{path}", one if right else None))
    return found
