"""The seam of a remote store: blobs by digest, and manifests by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol

from mlgitops.core.digests import Digest
from mlgitops.core.errors import StoreError
from mlgitops.core.images import Image


class RemoteRefused(StoreError):
    """A remote answered, and refused: it is no use to ask the same again."""


class NotThere(RemoteRefused):
    """What was asked for is not there."""


class Named(NamedTuple):
    """A manifest's name. ``used``: seconds since 1970 when it was written, None when unknown."""

    name: str
    used: float | None


class Remote(Protocol):
    """A place that several machines reach. Every call may be made by many threads at once.

    What does not answer is asked again, with growing pauses; StoreError when that does not help,
    NotAllowed when the place refuses these credentials. What is written appears whole.
    """

    @property
    def place(self) -> str:
        """The address, for people."""
        ...

    @property
    def mountable(self) -> bool:
        """Whether platforms mount images from here."""
        ...

    def size(self, digest: Digest) -> int | None:
        """Return how many bytes a blob or a manifest has, None when it is not there."""
        ...

    def read(self, digest: Digest, size: int | None) -> AbstractContextManager[BinaryIO]:
        """Open a blob or a manifest, not verified; a broken connection is taken up again.

        NotThere when it is not there.
        """
        ...

    def send(
        self, digest: Digest, size: int, source: BinaryIO, sent: Callable[[int], None]
    ) -> bool:
        """Bring a blob there from a file; return False when it was there. ``sent``: more bytes."""
        ...

    def manifest(self, name: str) -> bytes | None:
        """Return the manifest of a name, None when there is none."""
        ...

    def publish(self, name: str, manifest: bytes, *, replace: bool = False) -> bool:
        """Name a manifest, whose blobs are there; False when the name is taken, but ``replace``."""
        ...

    def unpublish(self, name: str) -> None:
        """Remove a manifest with its name; nothing when there is none."""
        ...

    def names(self, start: str = "") -> Iterator[Named]:
        """Yield the names that begin with ``start``."""
        ...

    def offer(self, model: str, version: str, manifest: bytes, files: Mapping[str, Digest]) -> str:
        """Lay a release, which is there, out for platforms that serve it; return its address."""
        ...

    def mount(self, model: str, version: str, image: Image, layer: BinaryIO) -> None:
        """Offer a release as an image too, where platforms mount images: ``<version>-image``."""
        ...

    def attest(self, subject: Digest, manifests: Mapping[Digest, bytes], model: str) -> None:
        """Let manifests be found by who asks what refers to ``subject``."""
        ...

    def blobs(self) -> Iterator[tuple[Digest, int, float]] | None:
        """Yield (digest, bytes, seconds since 1970) of all blobs; None where nobody can list them.

        A registry removes by itself what no manifest names.
        """
        ...

    def drop(self, digest: Digest) -> None:
        """Remove a blob of a place that lists them."""
        ...
