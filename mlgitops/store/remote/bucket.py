"""A remote store in a bucket (S3, Google, Azure) or a folder, by way of obstore.

::

    blobs/sha256/<hex>        bytes by their digest
    manifests/<name>          what is whole, written after the blobs that it names
    models/<model>/v1.2.3/    the files of a release, for platforms that pull plain files
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

from mlgitops.core.digests import Digest, hex_of, of_bytes, short
from mlgitops.core.errors import MlgitopsError, NotAllowed, Refused, StoreError
from mlgitops.core.images import Image
from mlgitops.core.manifests import config
from mlgitops.store.remote import Named, NotThere

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_BLOBS: Final = "blobs/sha256/"
_MANIFESTS: Final = "manifests/"
_MODELS: Final = "models/"
# What is larger is looked for before it is sent, and goes in parts, some at a time.
_ASKED: Final = 1 << 20
_PART: Final = 8 << 20
_AT_ONCE: Final = 4
# Some seconds for who never answers, and enough for a server that is busy for a while.
_PATIENCE: Final = {
    "max_retries": 7,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {
        "init_backoff": timedelta(milliseconds=50),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
}


def open_bucket(address: str) -> Bucket:
    """Return the remote at ``address``; credentials come from the environment of each cloud.

    ``AWS_ENDPOINT_URL`` names another server that speaks S3. Raises Refused without obstore.
    """
    try:
        from obstore.store import from_url
    except ImportError:
        raise Refused(
            f"{address} needs the package obstore", hint="pip install 'mlgitops[bucket]'"
        ) from None
    parts = urlsplit(address)
    options: dict[str, Any] = {"retry_config": _PATIENCE}
    if parts.scheme == "file":
        options = {"mkdir": True}
    elif os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        options["client_options"] = {"allow_http": True}
    try:
        # obstore takes the folder of an address as what every path begins with.
        store = from_url(address, **options)
    except Exception as error:
        raise StoreError(f"cannot open {address}: {error}") from error
    return Bucket(store, address)


class Bucket:
    """See ``Remote``."""

    def __init__(self, store: ObjectStore, place: str) -> None:
        self._store = store
        self._place = place.rstrip("/")

    @property
    def place(self) -> str:
        """See ``Remote.place``."""
        return self._place

    @property
    def mountable(self) -> bool:
        """See ``Remote.mountable``."""
        return False

    # -- reading ------------------------------------------------------------------------------

    def size(self, digest: Digest) -> int | None:
        """See ``Remote.size``."""
        import obstore

        with self._translated(f"look for {short(digest)}"):
            try:
                return int(obstore.head(self._store, _blob(digest))["size"])
            except FileNotFoundError:
                return None

    @contextmanager
    def read(self, digest: Digest, size: int | None) -> Iterator[BinaryIO]:
        """See ``Remote.read``."""
        import obstore

        with self._translated(f"fetch {short(digest)}"):
            try:
                obstore.head(self._store, _blob(digest))
            except FileNotFoundError:
                raise NotThere(
                    f"{digest} is not at {self.place}",
                    hint="`mlgitops run` makes it again; `mlgitops fsck --remote` looks for what"
                    " else is gone",
                ) from None
            reader = obstore.open_reader(self._store, _blob(digest), buffer_size=_PART)
        yield cast(BinaryIO, _Reading(reader, self, digest))

    def manifest(self, name: str) -> bytes | None:
        """See ``Remote.manifest``."""
        import obstore

        with self._translated(f"read {name}"):
            try:
                return bytes(obstore.get(self._store, _MANIFESTS + name).bytes())
            except FileNotFoundError:
                return None

    def names(self, start: str = "") -> Iterator[Named]:
        """See ``Remote.names``."""
        for path, _, used in self._listed(_MANIFESTS):
            if path.startswith(start):
                yield Named(path, used)

    # -- writing ------------------------------------------------------------------------------

    def send(
        self, digest: Digest, size: int, source: BinaryIO, sent: Callable[[int], None]
    ) -> bool:
        """See ``Remote.send``."""
        if self.size(digest) == size:
            return False
        import obstore

        with self._translated(f"send {short(digest)}"):
            source.seek(0)
            if size <= _ASKED:
                obstore.put(self._store, _blob(digest), source.read(), use_multipart=False)
            else:
                obstore.put(
                    self._store,
                    _blob(digest),
                    cast(Any, _Counting(source, sent)),
                    chunk_size=_PART,
                    max_concurrency=_AT_ONCE,
                )
                return True
        sent(size)
        return True

    def publish(self, name: str, manifest: bytes, *, replace: bool = False) -> bool:
        """See ``Remote.publish``: on condition that there is none, where the server knows that."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, NotSupportedError

        mode: Any = "overwrite" if replace else "create"
        with self._translated(f"publish {name}"):
            try:
                obstore.put(
                    self._store, _MANIFESTS + name, manifest, mode=mode, use_multipart=False
                )
            except AlreadyExistsError:
                return False
            except NotSupportedError:
                obstore.put(self._store, _MANIFESTS + name, manifest, use_multipart=False)
        return True

    def unpublish(self, name: str) -> None:
        """See ``Remote.unpublish``."""
        self._delete(_MANIFESTS + name)

    # -- releases -----------------------------------------------------------------------------

    def offer(self, model: str, version: str, manifest: bytes, files: Mapping[str, Digest]) -> str:
        """See ``Remote.offer``: plain files under their names, copied by the server."""
        import obstore

        folder = f"{_MODELS}{model}/{version}/"
        with self._translated(f"lay {model} {version} out"):
            for name, digest in files.items():
                obstore.copy(self._store, _blob(digest), folder + name)
            # Last: who sees it sees the files.
            obstore.put(self._store, folder + "manifest.json", manifest, use_multipart=False)
        return f"{self.place}/{folder}"

    def mount(self, model: str, version: str, image: Image, layer: BinaryIO) -> None:
        """See ``Remote.mount``: nobody mounts an image from a bucket."""

    def attest(self, subject: Digest, manifests: Mapping[Digest, bytes], model: str) -> None:
        """See ``Remote.attest``: the release's document names them, nobody else asks here."""
        import obstore

        with self._translated("keep attestations"):
            for digest, data in {**manifests, of_bytes(config()): config()}.items():
                obstore.put(self._store, _blob(digest), data, use_multipart=False)

    # -- keeping ------------------------------------------------------------------------------

    def blobs(self) -> Iterator[tuple[Digest, int, float]] | None:
        """See ``Remote.blobs``."""
        return ((Digest(f"sha256:{name}"), size, used) for name, size, used in self._listed(_BLOBS))

    def drop(self, digest: Digest) -> None:
        """See ``Remote.drop``."""
        self._delete(_blob(digest))

    def _delete(self, path: str) -> None:
        import obstore

        with self._translated(f"remove {path}"):
            try:
                obstore.delete(self._store, path)
            except FileNotFoundError:
                return

    def _listed(self, folder: str) -> Iterator[tuple[str, int, float]]:
        """Yield (name, bytes, seconds since 1970) of what is in a folder."""
        import obstore

        with self._translated("list what is there"):
            pages = obstore.list(self._store, folder.rstrip("/"), chunk_size=1000)
        while True:
            with self._translated("list what is there"):
                page = next(pages, None)
            if page is None:
                return
            for one in page:
                path = str(one["path"]).removeprefix(folder)
                yield path, int(one["size"]), one["last_modified"].timestamp()

    def _translated(self, doing: str) -> _Translating:
        return _Translating(self, doing)

    def refused(self, doing: str, error: Exception) -> MlgitopsError:
        """Return the error for what the server said."""
        text = f"cannot {doing} at {self.place}: {_first_line(error)}"
        if isinstance(error, PermissionError) or "403" in text or "401" in text:
            return NotAllowed(
                text, hint="do the credentials in the environment have the right to do it?"
            )
        return StoreError(
            text,
            hint="is it reachable from here? the same command goes on where this one ended;"
            " `run --offline` uses what is here",
        )


class _Translating:
    """A block in which errors of obstore become ours."""

    def __init__(self, bucket: Bucket, doing: str) -> None:
        self._bucket, self._doing = bucket, doing

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from obstore.exceptions import BaseError

        if isinstance(error, MlgitopsError):
            return
        if isinstance(error, (BaseError, OSError)):
            raise self._bucket.refused(self._doing, error) from error


class _Reading:
    """A reader whose errors are ours."""

    def __init__(self, reader: Any, bucket: Bucket, digest: Digest) -> None:
        self._reader, self._bucket, self._digest = reader, bucket, digest

    def read(self, size: int = -1) -> bytes:
        """Return the bytes that follow, at most ``size``."""
        with _Translating(self._bucket, f"fetch {short(self._digest)}"):
            return bytes(self._reader.read(size))


class _Counting:
    """A file that tells how much of it was read."""

    def __init__(self, source: BinaryIO, sent: Callable[[int], None]) -> None:
        self._source, self._sent, self._told = source, sent, 0

    def read(self, size: int = -1) -> bytes:
        """Return the bytes that follow."""
        data = self._source.read(size)
        if (position := self._source.tell()) > self._told:
            self._sent(position - self._told)
            self._told = position
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go elsewhere."""
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._source.tell()


def _blob(digest: Digest) -> str:
    return _BLOBS + hex_of(digest)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
