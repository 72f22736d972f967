"""Push: bring results and releases to where everybody finds them."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from mlgitops.core.digests import Digest, of_bytes
from mlgitops.core.errors import MlgitopsError, StoreError, UsageError
from mlgitops.core.images import image, tar
from mlgitops.core.plans import Reuse
from mlgitops.core.records import Record, from_bytes
from mlgitops.core.remotes import referrer, step_name
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.bundles import of_release, of_step
from mlgitops.flow.plan import plan
from mlgitops.flow.releases import releases
from mlgitops.flow.seams import Seams
from mlgitops.flow.sharing import Pushing, Sent

if TYPE_CHECKING:
    from mlgitops.core.releases import ReleaseDocument
    from mlgitops.store.remote import Remote


def push(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    *,
    pipeline: str | None = None,
    everything: bool = False,
    previews: bool = False,
) -> Sent:
    """Bring what is known of the steps of this checkout, and its releases, to the remote.

    ``everything``: whatever is remembered here. ``previews``: to the place of runs that nobody
    vouches for. Only work that was done here goes to the remote, or that is vouched for: nobody's
    claim becomes this machine's by passing through it.
    """
    remote = remote_of(seams, previews=previews)
    found: dict[Digest, Record] = {}
    if everything:
        found.update(_remembered(seams))
    else:
        for one in plan(seams, workspace, root, pipeline=pipeline):
            if isinstance(one, Reuse):
                found[one.record.key] = one.record
    with _pushing(seams, remote) as pushing:
        _add(seams, pushing, found.items(), previews=previews)
        if pipeline is None and not previews:
            known = [one for one in releases(seams.repository) if _is_here(seams, one.document)]
            for release in known:
                add_release(seams, pushing, release.document)
            pushing.finish()
            for release in known:
                offer(seams, remote, release.document)
        return pushing.finish()


def remote_of(seams: Seams, *, previews: bool = False) -> Remote:
    """Return where to push; UsageError when the project has no such place."""
    remote = seams.previews if previews else seams.remote
    if remote is None:
        key = "previews" if previews else "remote"
        raise UsageError(
            f"this project has no {key!r} store",
            hint=f"mlgitops.yaml: `store: {{{key}: oci://ghcr.io/owner/repository}}`"
            " (or s3://, gs://, az://, file:///)",
        )
    return remote


def _pushing(seams: Seams, remote: Remote) -> Pushing:
    return Pushing(seams.store, remote, clock=seams.clock, say=seams.say)


def _remembered(seams: Seams) -> Iterable[tuple[Digest, Record]]:
    for key in seams.store.remembered():
        if key.record is not None:
            try:
                record = from_bytes(seams.store.read(key.record))
            except MlgitopsError:
                continue
            if record.key == key.key:
                yield key.key, record


def _add(
    seams: Seams,
    pushing: Pushing,
    found: Iterable[tuple[Digest, Record]],
    *,
    previews: bool,
) -> None:
    for key, record in found:
        if pushing.known(step_name(key)):
            pushing.sent.known += 1
        elif previews or seams.store.own(key) is not None:
            try:
                pushing.add(of_step(seams.store, key, record, seams.signer))
            except MlgitopsError as error:
                name = f"{record.pipeline}.{record.label}"
                pushing.sent.left_out.append(f"{name}: {error.message}")


def _is_here(seams: Seams, document: ReleaseDocument) -> bool:
    return all(seams.store.is_here(one) for one in document.blobs.values())


def add_release(seams: Seams, pushing: Pushing, document: ReleaseDocument) -> None:
    """Bring all bytes of a release along with what is pushed."""
    bundle, data = of_release(seams.store, document)
    pushing.add(bundle, data)


def push_release(seams: Seams, document: ReleaseDocument) -> None:
    """Bring all bytes of a release to the remote, where there is one."""
    if seams.remote is not None:
        with _pushing(seams, seams.remote) as pushing:
            add_release(seams, pushing, document)
            pushing.finish()


def offer(seams: Seams, remote: Remote, document: ReleaseDocument) -> str:
    """Lay out a release, which is in the remote, for platforms; with what vouches for it."""
    store, version = seams.store, f"v{document.version}"
    manifest = store.read(document.digest)
    address = remote.offer(document.model, version, manifest, document.files)
    told = {}
    for name, digest in sorted(document.attestations.items()):
        size = store.path(digest).stat().st_size
        data = referrer(document.digest, len(manifest), _kind(name), digest, size)
        told[of_bytes(data)] = data
    remote.attest(document.digest, told, document.model)
    if remote.mountable:
        _mount(seams, remote, document)
    return address


def _mount(seams: Seams, remote: Remote, document: ReleaseDocument) -> None:
    store = seams.store
    sizes = {name: store.path(one).stat().st_size for name, one in document.files.items()}

    def read(digest: Digest) -> Iterator[bytes]:
        with store.open(digest) as stream:
            while piece := stream.read(1 << 20):
                yield piece

    with tempfile.TemporaryFile() as layer:
        hasher = hashlib.sha256()
        for piece in tar(document.files, sizes, read):
            hasher.update(piece)
            layer.write(piece)
        digest = Digest("sha256:" + hasher.hexdigest())
        made = image(document.model, document.digest, digest, layer.tell())
        remote.mount(document.model, f"v{document.version}", made, layer)


def _kind(attestation: str) -> str:
    if attestation.endswith(".sigstore.json"):
        return "application/vnd.dev.sigstore.bundle.v0.3+json"
    if attestation.endswith(".dsse.json"):
        return "application/vnd.dsse.envelope.v1+json"
    return "application/vnd.in-toto+json"


def push_records(seams: Seams, records: Iterable[Record]) -> None:
    """Bring results to the remote, where there is one."""
    if seams.remote is not None:
        with _pushing(seams, seams.remote) as pushing:
            _add(seams, pushing, ((one.key, one) for one in records), previews=False)
            pushing.finish()
            if pushing.sent.left_out:
                raise StoreError(f"not everything is shared: {pushing.sent.left_out[0]}")


class Uploads:
    """Results on their way while later steps run; an error waits for ``finish``."""

    def __init__(self, seams: Seams, *, previews: bool) -> None:
        self._seams, self._previews = seams, previews
        self._remote = remote_of(seams, previews=previews)
        self._pushing: Pushing | None = None
        self._guard = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._error: MlgitopsError | None = None
        self._keys: set[Digest] = set()

    def put(self, key: Digest, record: Record) -> None:
        """Bring one result there, soon."""
        self._keys.add(key)
        self._thread.submit(self._put, key, record)

    def _put(self, key: Digest, record: Record) -> None:
        if self._error is None:
            try:
                with self._guard:
                    if self._pushing is None:
                        self._pushing = _pushing(self._seams, self._remote).__enter__()
                _add(self._seams, self._pushing, [(key, record)], previews=self._previews)
            except MlgitopsError as error:
                self._error = error

    def finish(self, records: Iterable[Record]) -> Sent:
        """Bring also ``records`` there, those that were reused; wait, and raise what failed."""
        for record in records:
            if record.key not in self._keys:
                self.put(record.key, record)
        self._thread.shutdown(wait=True)
        pushing = self._pushing
        try:
            if self._error is not None:
                raise self._error
            return Sent() if pushing is None else pushing.finish()
        finally:
            if pushing is not None:
                pushing.__exit__(None, None, None)
