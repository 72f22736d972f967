"""The store on this machine: an OCI image layout, and beside it what is known of past work.

Every file appears whole: staged in ``tmp``, then renamed. A blob comes before the record that names
it, a record before its key, so that a death at any moment leaves nothing that points nowhere. What
a loss of power may take is what was put since the last ``flush``: every reading verifies, so that
costs a run again and is never a wrong result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlgitops.core.digests import Digest, short
from mlgitops.core.errors import MlgitopsError, StoreError
from mlgitops.core.layouts import LAYOUT, roots_of
from mlgitops.files import copying
from mlgitops.store import locking
from mlgitops.store.folders import Folders
from mlgitops.store.work import Work

_HEX: Final = re.compile(r"[0-9a-f]{64}")


class LocalStore(Folders, Work):
    """See ``Store``. Nothing is written before the first ``put``; reading needs no rights."""

    def check(self) -> Iterator[str]:
        """See ``Store.check``."""
        for path in _listed(Path(self._blobs)):
            yield from self._check_blob(path)
        for path in _listed(Path(self._keys)):
            for inner in _listed(path) if len(path.name) == 2 and path.is_dir() else [path]:
                yield from self._check_key(inner)
        yield from self._check_layout()
        for path in locking.leftovers(self._tmp):
            yield f"{path}: left by a process that is dead, and cannot be removed"

    def _check_blob(self, path: Path) -> Iterator[str]:
        if not _HEX.fullmatch(path.name):
            yield f"{path}: no blob has such a name; remove it"
            return
        digest = Digest(f"sha256:{path.name}")
        try:
            handle = self._opened(digest)
            try:
                found, _ = copying.digest_of(handle)
            finally:
                os.close(handle)
            if found != digest:
                raise self.damaged(digest)
        except OSError as error:
            yield f"{path}: cannot be read: {error.strerror}"
        except StoreError as error:
            yield f"{error.message} ({error.hint})"

    def _check_key(self, path: Path) -> Iterator[str]:
        if not _HEX.fullmatch(path.name):
            yield f"{path}: no step key has such a name; remove it"
            return
        record = self.recall(Digest(f"sha256:{path.name}"))
        if record is None:
            if path.stat().st_size:
                yield f"{path}: names no record; remove it, and the step runs again"
        elif not self.has(record):
            yield f"{path}: its record {short(record)} is gone; remove it, and the step runs again"

    def _check_layout(self) -> Iterator[str]:
        if not Path(self._blobs).exists():
            return
        for name in ("oci-layout", "index.json"):
            path = self.root / name
            try:
                data = path.read_bytes()
                good = data == LAYOUT if name == "oci-layout" else roots_of(data) is not None
            except (OSError, MlgitopsError):
                good = False
            if not good:
                yield f"{path}: missing or damaged; remove it, and the next write makes it anew"


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}") from error
