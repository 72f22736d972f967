"""The store: bytes by digest, and work already known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from mlgitops.core.digests import Digest
from mlgitops.core.folders import Folder
from mlgitops.core.holdings import Blob, Defect, Key
from mlgitops.core.layouts import Root


class Store(Protocol):
    """Content-addressed bytes (sha256) and a memory from step key to the record of its result.

    What is put is there for every process at once, and for a machine that loses its power after the
    next ``flush``. Every method raises StoreError when the store is full, read-only, unreachable or
    damaged.
    """

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether the bytes can be read, that many of them (their content is not read)."""
        ...

    def is_here(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether the bytes are on this machine, not only in a remote."""
        ...

    def open(self, digest: Digest) -> AbstractContextManager[BinaryIO]:
        """Open the bytes; StoreError when absent, or, at the end of reading, when they differ."""
        ...

    def read(self, digest: Digest) -> bytes:
        """Return the bytes, verified."""
        ...

    def path(self, digest: Digest) -> Path:
        """Return a local read-only file that holds the bytes, verified; never write to it."""
        ...

    def place(self, digest: Digest, goal: Path, *, executable: bool = False) -> None:
        """Make the new file ``goal`` with the bytes, verified; it may be written to."""
        ...

    def put(self, source: BinaryIO) -> Digest:
        """Take the bytes in; whole or absent, idempotent. Return their digest."""
        ...

    def put_bytes(self, data: bytes) -> Digest:
        """Take ``data`` in. Return its digest."""
        ...

    def put_file(self, path: Path, *, move: bool = False) -> Digest:
        """Take a file in with one reading of it. Return its digest.

        ``move``: the file may be gone afterwards, and nobody writes to it any more. Refused for
        what is no plain file.
        """
        ...

    def put_tree(self, folder: Path, *, move: bool = False) -> Digest:
        """Take a folder in. Return the digest of its manifest (see ``core.folders``).

        ``move``: its large files may be gone afterwards. Refused for a folder with a link or a pipe
        in it.
        """
        ...

    def tree(self, digest: Digest) -> Folder:
        """Return what a folder consists of."""
        ...

    def has_tree(self, digest: Digest) -> bool:
        """Return whether all of a folder is here (its files are not read)."""
        ...

    def place_tree(self, digest: Digest, goal: Path, only: str | None = None) -> None:
        """Write a folder out, verified, into ``goal``, which is empty or not there yet.

        ``only``: this entry of it, under its own name.
        """
        ...

    def flush(self) -> None:
        """Make durable what was put since; to be called before something durable names it."""
        ...

    def recall(self, key: Digest, *, here: bool = False) -> Digest | None:
        """Return the digest of the record remembered for ``key``, or None.

        ``here``: no remote is asked.
        """
        ...

    def own(self, key: Digest) -> Digest | None:
        """Return what ``recall`` does of work that was done here, or that is vouched for."""
        ...

    def vouched(self) -> Store:
        """Return this store without results of others that the project's policy does not trust."""
        ...

    def remember(self, key: Digest, record: Digest) -> None:
        """Remember ``record`` for ``key``; a later call replaces an earlier one, atomically."""
        ...

    def lock(
        self, key: Digest, waiting: Callable[[], None] | None = None
    ) -> AbstractContextManager[None]:
        """Hold the work named ``key`` alone on this machine; freed by the system on any death.

        ``waiting`` is called again and again while another holds it; it may raise to give up.
        """
        ...

    def scratch(self, *inside: str) -> AbstractContextManager[Path]:
        """Give a folder on the store's file system with nothing but the empty folders ``inside``.

        What is in it is removed afterwards, also after a kill.
        """
        ...

    def blobs(self) -> Iterator[Blob]:
        """Yield everything that is here."""
        ...

    def remembered(self) -> Iterator[Key]:
        """Yield every key for which a record is remembered."""
        ...

    def busy(self) -> float | None:
        """Return since when the oldest other process that works with the store does so, if any."""
        ...

    def roots(self) -> Mapping[str, Root]:
        """Return the manifests that have names: releases by their tags."""
        ...

    def name(self, roots: Mapping[str, Root]) -> None:
        """Let these be the manifests that have names, and no others."""
        ...

    def drop(self, digest: Digest, unused_since: float) -> bool:
        """Remove the bytes unless they were put since; return whether they are gone."""
        ...

    def forget(self, key: Digest, unused_since: float) -> bool:
        """Remove what is remembered for ``key`` unless it was used since; return whether it is."""
        ...

    def check(self) -> Iterator[Defect]:
        """Yield what is damaged; each may be mended before the next is asked for."""
        ...

    def mend(self, defect: Defect) -> None:
        """Take out of use what is damaged, so that it is made again; strangers are let alone."""
        ...
