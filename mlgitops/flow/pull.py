"""Pull: fetch bytes now that would be fetched when they are needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.plans import Reuse
from mlgitops.core.records import Record
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.plan import plan
from mlgitops.flow.push import remote_of
from mlgitops.flow.releases import release
from mlgitops.flow.seams import Seams
from mlgitops.flow.sharing import BLOBS_AT_ONCE, progress
from mlgitops.formats import FOLDER

_SAID = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What came: ``blobs`` and their ``bytes``; ``here``: those that were here already."""

    blobs: int
    bytes: int
    here: int
    seconds: float


def pull(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    *,
    pipeline: str | None = None,
    model: str | None = None,
    version: str | None = None,
) -> Pulled:
    """Fetch what the steps of this checkout made, or all bytes of one release of ``model``.

    Raises the first error when the rest has come.
    """
    remote_of(seams)
    if model is not None:
        wanted = list(release(seams.repository, model, version).document.blobs.values())
    else:
        steps = plan(seams, workspace, root, pipeline=pipeline)
        wanted = list(_outputs(one.record for one in steps if isinstance(one, Reuse)))
    began = time.monotonic()
    first = _Fetching(seams, began)
    first.fetch(wanted)
    store = seams.store
    if model is None:
        folders = [
            blob
            for one in plan(seams, workspace, root, pipeline=pipeline)
            if isinstance(one, Reuse)
            for made in one.record.outputs.values()
            if made.format == FOLDER
            for blob, _ in store.tree(made.digest).blobs()
        ]
        first.fetch(folders)
    if first.error is not None:
        raise first.error
    return Pulled(
        blobs=first.count,
        bytes=first.bytes,
        here=first.here,
        seconds=time.monotonic() - began,
    )


def _outputs(records: Iterable[Record]) -> Iterable[Digest]:
    for record in records:
        yield from (made.digest for made in record.outputs.values())
        if record.log is not None:
            yield record.log


class _Fetching:
    def __init__(self, seams: Seams, began: float) -> None:
        self._seams, self._began, self._told = seams, began, began
        self._guard = threading.Lock()
        self.count = self.bytes = self.here = 0
        self.error: MlgitopsError | None = None

    def fetch(self, wanted: Iterable[Digest]) -> None:
        """Fetch what is not here."""
        missing = []
        for digest in dict.fromkeys(wanted):
            if self._seams.store.is_here(digest):
                self.here += 1
            else:
                missing.append(digest)
        with ThreadPoolExecutor(BLOBS_AT_ONCE, thread_name_prefix="pull") as pool:
            list(pool.map(self._fetch, missing))

    def _fetch(self, digest: Digest) -> None:
        try:
            size = self._seams.store.path(digest).stat().st_size
        except MlgitopsError as error:
            self.error = self.error or error
            return
        with self._guard:
            self.count, self.bytes = self.count + 1, self.bytes + size
            now = time.monotonic()
            if now - self._told > _SAID:
                self._told = now
                line = progress(self.bytes, self.bytes, now - self._began, "fetched")
                self._seams.say(line)
