"""The store on this machine: an OCI image layout, and beside it what is known of past work.

Every file appears whole: staged in ``tmp``, then renamed. A blob comes before the record that names
it, a record before its key, so that a death at any moment leaves nothing that points nowhere. What
a loss of power may take is what was put since the last ``flush``: every reading verifies, so that
costs a run again and is never a wrong result.
"""

from __future__ import annotations

from mlgitops.core.digests import Digest
from mlgitops.store.folders import Folders
from mlgitops.store.keeping import Keeping


class LocalStore(Folders, Keeping):
    """See ``Store``. Nothing is written before the first ``put``; reading needs no rights."""

    def is_here(self, digest: Digest, size: int | None = None) -> bool:
        """See ``Store.is_here``."""
        return self.has(digest, size)

    def own(self, key: Digest) -> Digest | None:
        """See ``Store.own``."""
        return self.recall(key)

    def vouched(self) -> LocalStore:
        """See ``Store.vouched``."""
        return self
