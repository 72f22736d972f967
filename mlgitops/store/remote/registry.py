"""A remote store in an OCI registry (Distribution Specification 1.1).

Everything is in one repository, under the tags that ``core.remotes`` gives; a release also in one
of its model's own, ``<repository>/<model>:v1.2.3``, for platforms that pull it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, Final, cast
from urllib.parse import quote, urljoin

import httpx

from mlgitops.core.digests import JSON, Digest, canonical, of_bytes, short
from mlgitops.core.errors import MlgitopsError, StoreError
from mlgitops.core.images import INDEX_TYPE, Image
from mlgitops.core.manifests import MANIFEST_TYPE, config
from mlgitops.core.remotes import blobs_of
from mlgitops.store.remote import Named, NotThere
from mlgitops.store.remote.calls import Calls, again, wait_of
from mlgitops.store.remote.reading import Resuming
from mlgitops.store.remote.trying import Patience

_ACCEPT: Final = {"Accept": f"{MANIFEST_TYPE}, {INDEX_TYPE}"}
_BINARY: Final = {"Content-Type": "application/octet-stream"}
_PIECE: Final = 1 << 20
# What is larger goes in parts, so that a broken connection costs at most one of them.
_PART: Final = 64 << 20
# A blob this large is worth a question before it is sent; a smaller one is sent with the question.
_ASKED: Final = 1 << 20
_PAGE: Final = 1000


class Registry:
    """See ``Remote``. ``repository``: below which all is kept, such as ``acme/flights``."""

    def __init__(self, calls: Calls, repository: str) -> None:
        self._calls = calls
        self._repository = repository

    @property
    def place(self) -> str:
        """See ``Remote.place``."""
        return f"oci://{self._calls.host}/{self._repository}"

    @property
    def mountable(self) -> bool:
        """See ``Remote.mountable``."""
        return True

    # -- reading ------------------------------------------------------------------------------

    def size(self, digest: Digest) -> int | None:
        """See ``Remote.size``."""
        for url in (self._blob(digest), self._manifest(digest)):
            found = self._calls.ask(
                "HEAD", url, doing=f"look for {short(digest)}", accept=(404,), headers=_ACCEPT
            )
            if found.is_success:
                return int(found.headers.get("Content-Length", 0))
        return None

    @contextmanager
    def read(self, digest: Digest, size: int | None) -> Iterator[BinaryIO]:
        """See ``Remote.read``."""
        doing = f"fetch {short(digest)}"
        stream = Resuming(self._calls, self._blob(digest), size, doing)
        try:
            if not stream.begin():
                found = self._calls.ask(
                    "GET", self._manifest(digest), doing=doing, accept=(404,), headers=_ACCEPT
                )
                if found.status_code == 404:
                    raise NotThere(
                        f"{digest} is not at {self.place}",
                        hint="`mlgitops run` makes it again; `mlgitops fsck --remote` looks for"
                        " what else is gone",
                    )
                yield io.BytesIO(found.content)
                return
            yield cast(BinaryIO, stream)
        finally:
            stream.close()

    def manifest(self, name: str) -> bytes | None:
        """See ``Remote.manifest``."""
        found = self._calls.ask(
            "GET", self._manifest(name), doing=f"read {name}", accept=(404,), headers=_ACCEPT
        )
        return found.content if found.is_success else None

    def names(self, start: str = "") -> Iterator[Named]:
        """See ``Remote.names``."""
        url: str | None = f"/v2/{self._repository}/tags/list?n={_PAGE}"
        while url is not None:
            found = self._calls.ask("GET", url, doing="list what is there", accept=(404,))
            if found.status_code == 404:
                return
            for tag in found.json().get("tags") or ():
                if str(tag).startswith(start):
                    yield Named(str(tag), None)
            link = found.links.get("next", {}).get("url")
            url = urljoin(url, link) if link else None

    # -- writing ------------------------------------------------------------------------------

    def send(
        self, digest: Digest, size: int, source: BinaryIO, sent: Callable[[int], None]
    ) -> bool:
        """See ``Remote.send``."""
        if size > _ASKED:
            url, doing = self._blob(digest), f"look for {short(digest)}"
            if self._calls.ask("HEAD", url, doing=doing, accept=(404,)).is_success:
                return False
        return self._send(self._repository, digest, size, source, sent)

    def _send(
        self,
        repository: str,
        digest: Digest,
        size: int,
        source: BinaryIO,
        sent: Callable[[int], None],
    ) -> bool:
        doing, patience, told = f"send {short(digest)}", Patience(), 0

        def tell(position: int) -> None:
            nonlocal told
            if position > told:
                sent(position - told)
                told = position

        while True:
            place = self._begun(repository, digest)
            if place is None:
                return bool(told)
            try:
                if size <= _PART:
                    self._whole(place, digest, size, source)
                else:
                    self._in_parts(place, digest, size, source, tell, patience)
            except _Again as error:
                if patience.another(error.wait):
                    continue
                raise StoreError(
                    f"cannot {doing} to {self.place}: {error}",
                    hint="the same command goes on where this one ended",
                ) from error
            tell(size)
            return True

    def _begun(self, repository: str, digest: Digest) -> str | None:
        """Return where to send a blob; None when it is there already, or could be taken over."""
        question = f"?mount={quote(digest)}&from={quote(self._repository, safe='')}"
        found = self._calls.ask(
            "POST",
            f"/v2/{repository}/blobs/uploads/{question}",
            doing=f"send {short(digest)}",
            headers={"Content-Length": "0"},
        )
        if found.status_code == 201:
            return None
        return urljoin(str(found.url), found.headers["Location"])

    def _whole(self, place: str, digest: Digest, size: int, source: BinaryIO) -> None:
        def body() -> Iterable[bytes]:
            return _pieces(source, 0, size)

        headers = {**_BINARY, "Content-Length": str(size)}
        self._step("PUT", _with(place, digest), headers, body)

    def _in_parts(
        self,
        place: str,
        digest: Digest,
        size: int,
        source: BinaryIO,
        tell: Callable[[int], None],
        patience: Patience,
    ) -> None:
        position = 0
        while position < size:
            length = min(_PART, size - position)
            headers = {
                **_BINARY,
                "Content-Length": str(length),
                "Content-Range": f"{position}-{position + length - 1}",
            }
            start = position

            def body(start: int = start, length: int = length) -> Iterable[bytes]:
                return _pieces(source, start, length)

            try:
                found = self._step("PATCH", place, headers, body)
                place = urljoin(place, found.headers.get("Location", place))
                position += length
            except _Again as error:
                if not patience.another(error.wait):
                    raise
                place, position = self._where(place)
            if position > start:
                patience.progress()
            tell(position)
        self._step("PUT", _with(place, digest), {"Content-Length": "0"}, None)

    def _where(self, place: str) -> tuple[str, int]:
        """Return how far an upload is; raises _Again when the registry has forgotten it."""
        found = self._calls.ask(
            "GET", place, doing="ask how far an upload is", accept=(400, 404, 405, 410)
        )
        if not found.is_success:
            raise _Again("the registry has forgotten a part of it")
        _, _, last = found.headers.get("Range", "0-0").partition("-")
        # "0-0" says that nothing is there, and that one byte is; the former is the usual one.
        count = int(last) + 1 if last.isdecimal() and int(last) else 0
        return urljoin(place, found.headers.get("Location", place)), count

    def _step(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Callable[[], Iterable[bytes]] | None,
    ) -> httpx.Response:
        """Do one step of an upload once; _Again when the whole or the rest may be tried again."""
        try:
            with self._calls.answer(method, url, headers=headers, body=body) as found:
                found.read()
        except httpx.TransportError as error:
            raise _Again(str(error) or type(error).__name__) from error
        if found.is_success:
            return found
        # A part that came twice, or the id of an upload that a restart forgot.
        if again(found) or found.status_code in (404, 409, 416):
            raise _Again(f"{self._calls.host} answered {found.status_code}", wait_of(found))
        raise self._calls.refused("send a blob", found)

    def publish(self, name: str, manifest: bytes, *, replace: bool = False) -> bool:
        """See ``Remote.publish``. Registries have no condition for it: it is looked before."""
        if not replace:
            url, doing = self._manifest(name), f"look for {name}"
            found = self._calls.ask("HEAD", url, doing=doing, accept=(404,), headers=_ACCEPT)
            if found.is_success:
                return False
        self._put(self._repository, name, manifest)
        return True

    def _put(self, repository: str, name: str, manifest: bytes, kind: str = MANIFEST_TYPE) -> None:
        self._calls.ask(
            "PUT",
            f"/v2/{repository}/manifests/{name}",
            doing=f"publish {name}",
            headers={"Content-Type": kind},
            body=manifest,
        )

    def unpublish(self, name: str) -> None:
        """See ``Remote.unpublish``."""
        doing = f"remove {name}"
        found = self._calls.ask(
            "HEAD", self._manifest(name), doing=doing, accept=(404,), headers=_ACCEPT
        )
        digest = found.headers.get("Docker-Content-Digest")
        if found.status_code == 404 or not digest:
            return
        try:
            self._calls.ask("DELETE", self._manifest(digest), doing=doing, accept=(404,))
        except MlgitopsError as error:
            error.hint = (
                "the registry does not let anybody delete: allow it in its settings"
                " (distribution: storage.delete.enabled), or remove the package on its own page"
            )
            raise

    # -- releases -----------------------------------------------------------------------------

    def offer(self, model: str, version: str, manifest: bytes, files: Mapping[str, Digest]) -> str:
        """See ``Remote.offer``: in a repository of the model's own, blobs mounted from here."""
        repository = f"{self._repository}/{model}"
        for digest, size in blobs_of(manifest).items():
            self._over(repository, digest, size)
        self._put(repository, version, manifest)
        return f"{self._calls.host}/{repository}@{of_bytes(manifest)}"

    def _over(self, repository: str, digest: Digest, size: int) -> None:
        place = self._begun(repository, digest)
        if place is None:
            return
        # Nothing is mounted across repositories here: then it goes through this machine.
        patience = Patience()
        while True:
            try:
                with self.read(digest, size) as source:
                    headers = {**_BINARY, "Content-Length": str(size)}
                    self._step("PUT", _with(place, digest), headers, partial(_rest, source))
                return
            except _Again as error:
                if not patience.another(error.wait):
                    raise self._calls.broken(f"send {short(digest)}", error) from error
            place = self._begun(repository, digest)
            if place is None:
                return

    def mount(self, model: str, version: str, image: Image, layer: BinaryIO) -> None:
        """See ``Remote.mount``."""
        repository = f"{self._repository}/{model}"
        self._send(repository, *image.layer, layer, lambda _: None)
        for about in image.configs.values():
            self._send_small(repository, about)
        for digest, manifest in image.manifests.items():
            self._put(repository, digest, manifest)
        self._put(repository, f"{version}-image", image.index, INDEX_TYPE)

    def attest(self, subject: Digest, manifests: Mapping[Digest, bytes], model: str) -> None:
        """See ``Remote.attest``; with the tag of fallback where there is no referrers API."""
        repository = f"{self._repository}/{model}"
        self._send_small(repository, config())
        for manifest in manifests.values():
            for digest, size in blobs_of(manifest).items():
                self._over(repository, digest, size)
        listed: list[JSON] = []
        for digest, manifest in manifests.items():
            self._put(repository, digest, manifest)
            listed.append(
                {
                    "mediaType": MANIFEST_TYPE,
                    "digest": digest,
                    "size": len(manifest),
                    "artifactType": str(json.loads(manifest)["artifactType"]),
                }
            )
        url = f"/v2/{repository}/referrers/{subject}"
        if not self._calls.ask("GET", url, doing="list referrers", accept=(404,)).is_success:
            index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": listed}
            tag = subject.replace(":", "-")
            self._put(repository, tag, canonical(cast("dict[str, JSON]", index)), INDEX_TYPE)

    def _send_small(self, repository: str, data: bytes) -> None:
        self._send(repository, of_bytes(data), len(data), io.BytesIO(data), lambda _: None)

    # -- keeping ------------------------------------------------------------------------------

    def blobs(self) -> Iterator[tuple[Digest, int, float]] | None:
        """See ``Remote.blobs``: a registry lists none."""
        return None

    def drop(self, digest: Digest) -> None:
        """See ``Remote.drop``."""
        raise AssertionError("a registry lists no blobs")

    def _blob(self, digest: Digest) -> str:
        return f"/v2/{self._repository}/blobs/{digest}"

    def _manifest(self, name: str) -> str:
        return f"/v2/{self._repository}/manifests/{name}"


class _Again(Exception):
    """An upload broke, and may work the next time. ``wait``: the seconds that are asked for."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def _rest(source: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: source.read(_PIECE), b"")


def _pieces(source: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    source.seek(start)
    while length > 0:
        piece = source.read(min(_PIECE, length))
        if not piece:
            raise StoreError("a file of the store became shorter while it was sent")
        length -= len(piece)
        yield piece


def _with(place: str, digest: Digest) -> str:
    return f"{place}{'&' if '?' in place else '?'}digest={quote(digest)}"
