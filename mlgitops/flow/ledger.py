"""The ledger: evidence in ``refs/mlgitops/ledger/<year>``, to which records are only ever added.

Every record is a file of its own, so that writers at the same time never conflict: each puts its
record on top of what is there by then. Unsigned: no gate may rest on a record (``core.ledgers``).
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.errors import RaceLost
from mlgitops.core.ledgers import PREFIX, Record, from_bytes, record, to_bytes
from mlgitops.git import Published, RefUpdate, Repository

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
        time.sleep(random.uniform(0, 0.02) * min(attempt, 10))
    raise RaceLost(
        f"others wrote to {one.ref} {_ATTEMPTS} times in a row", hint="run the same command again"
    )


def read(repository: Repository, kind: str | None = None) -> tuple[Record, ...]:
    """Return the records (of one kind) as last fetched, oldest first; see also ``damaged``."""
    found = (one for _, one in _all(repository, kind) if one is not None)
    return tuple(sorted(found, key=lambda one: (one.at, one.id)))


def damaged(repository: Repository) -> tuple[str, ...]:
    """Return the files of the ledger that are no record, or that somebody edited."""
    return tuple(sorted(path for path, one in _all(repository, None) if one is None))


def _all(repository: Repository, kind: str | None) -> list[tuple[str, Record | None]]:
    found = []
    for ref, commit in repository.refs(PREFIX).items():
        tree = repository.tree(commit)
        for path in tree.paths(kind or ""):
            one = from_bytes(path, tree.read(path) or b"")
            # A record in the ledger of another year would be counted twice.
            found.append((f"{ref}:{path}", one if one is not None and one.ref == ref else None))
    return found
