"""What of a result or a release has to be in a remote, so that others need nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlgitops.core.digests import JSON, Digest, canonical, hex_of, of_bytes
from mlgitops.core.manifests import MANIFEST_TYPE, config
from mlgitops.core.records import Record
from mlgitops.core.remotes import EMPTY_TYPE, Bundle, release_name, step_bundle
from mlgitops.formats import FOLDER

if TYPE_CHECKING:
    from mlgitops.core.releases import ReleaseDocument
    from mlgitops.signing import Signer
    from mlgitops.store import Store

STEP_PREDICATE = "urn:mlgitops:step:v1"
_RELEASE_TYPE = "application/vnd.mlgitops.release.v1"


def of_step(store: Store, key: Digest, record: Record, signer: Signer | None) -> Bundle:
    """Return the result of a step, signed where there is a ``signer``.

    Raises StoreError when the manifest of a folder is not to be read.
    """
    from mlgitops.core.records import to_bytes

    blobs: dict[Digest, int] = {}
    for made in record.outputs.values():
        if made.format == FOLDER:
            blobs[made.digest] = len(store.read(made.digest))
            blobs.update(store.tree(made.digest).blobs())
        else:
            blobs[made.digest] = made.size
    if record.log is not None and store.is_here(record.log):
        blobs[record.log] = store.path(record.log).stat().st_size
    signatures = {}
    if signer is not None:
        told = canonical(step_statement(key, of_bytes(to_bytes(record))))
        signatures[signer.envelope] = signer.sign(told)
    return step_bundle(key, record, blobs, signatures)


def step_statement(key: Digest, record: Digest) -> dict[str, JSON]:
    """Return the in-toto statement by which somebody vouches for the record of a step key."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f"step {hex_of(key)}", "digest": {"sha256": hex_of(record)}}],
        "predicateType": STEP_PREDICATE,
        "predicate": {"key": key, "record": record},
    }


def of_release(store: Store, document: ReleaseDocument) -> tuple[Bundle, Mapping[Digest, bytes]]:
    """Return all bytes of a release under one name, and those that are in no store."""
    sizes = {one: store.path(one).stat().st_size for one in document.blobs.values()}
    empty = config()
    sizes[of_bytes(empty)] = len(empty)
    titles = {digest: name for name, digest in document.blobs.items()}
    layers: list[JSON] = [
        {
            "mediaType": "application/octet-stream",
            "digest": digest,
            "size": size,
            "annotations": {"org.opencontainers.image.title": titles.get(digest, "config")},
        }
        for digest, size in sorted(sizes.items())
    ]
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": _RELEASE_TYPE,
            "config": {"mediaType": EMPTY_TYPE, "digest": of_bytes(empty), "size": len(empty)},
            "layers": layers,
            "annotations": {
                "org.opencontainers.image.title": f"{document.model}@v{document.version}"
            },
        }
    )
    name = release_name(document.model, document.version, manifest)
    bundle = Bundle(name=name, manifest=manifest, blobs=sizes)
    return bundle, {of_bytes(empty): empty}
