"""What stands in a remote store: blobs by digest, and manifests that name them.

A step's result is one OCI manifest named by its key, with the record as its config and what the
step made as its layers; a release is the manifest that it has anyway. So a registry knows what is
in use, and one question tells whether a result is there whole.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from mlgitops.core.digests import JSON, Digest, canonical, hex_of, of_bytes, parse_digest
from mlgitops.core.errors import StoreError
from mlgitops.core.manifests import MANIFEST_TYPE, config
from mlgitops.core.records import Record, to_bytes

STEP_TYPE: Final = "application/vnd.mlgitops.step.v1"
RECORD_TYPE: Final = "application/vnd.mlgitops.step.v1+json"
MARKER_TYPE: Final = "application/vnd.mlgitops.marker.v1"
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
STEP: Final = "step-"
RELEASE: Final = "release-"
PUSHING: Final = "pushing-"
COLLECTING: Final = "collecting"
CREATED: Final = "org.opencontainers.image.created"
_TITLE: Final = "org.opencontainers.image.title"
_SIGNATURE: Final = "mlgitops.signature."
# A record is in its manifest too, so that one request brings it; registries take 4 MiB in all.
_INLINE: Final = 512 << 10
_LARGEST: Final = 4 << 20


def step_name(key: Digest) -> str:
    """Return the name of the result of a step key."""
    return STEP + hex_of(key)


def release_name(model: str, version: object, content: bytes) -> str:
    """Return the name of a release among everything else that the project shares.

    ``content`` is in it: who loses a race for a version has other bytes under another name.
    """
    return f"{RELEASE}{model}-v{version}-{hex_of(of_bytes(content))[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A manifest with its name, and the blobs that have to be there before it: digest to bytes."""

    name: str
    manifest: bytes
    blobs: Mapping[Digest, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStep:
    """A step's result as a remote has it. ``data``: the record, where the manifest carries it.

    ``signatures``: attestations by their names (``core.attestations``), not checked yet.
    """

    record: Digest
    size: int
    data: bytes | None
    blobs: Mapping[Digest, int]
    signatures: Mapping[str, bytes] = field(default_factory=dict)


def step_bundle(
    key: Digest, record: Record, blobs: Mapping[Digest, int], signatures: Mapping[str, bytes]
) -> Bundle:
    """Return the result of a step as it is shared.

    ``blobs``: what its record names, folders with all that they consist of. Raises StoreError when
    these are more than registries take in one manifest.
    """
    data = to_bytes(record)
    digest = of_bytes(data)
    about: dict[str, JSON] = {"mediaType": RECORD_TYPE, "digest": digest, "size": len(data)}
    if len(data) <= _INLINE:
        about["data"] = base64.b64encode(data).decode()
    titles = {made.digest: name for name, made in record.outputs.items()}
    annotations: dict[str, JSON] = {
        _TITLE: f"{record.pipeline}.{record.label}",
        CREATED: record.started_at,
    }
    for name, envelope in signatures.items():
        annotations[_SIGNATURE + name] = base64.b64encode(envelope).decode()
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": STEP_TYPE,
            "config": about,
            "layers": [_layer(one, size, titles.get(one)) for one, size in sorted(blobs.items())],
            "annotations": annotations,
        }
    )
    if len(manifest) > _LARGEST:
        raise StoreError(
            f"what {record.pipeline}.{record.label} made is {len(blobs):,} blobs, more than one"
            " manifest of a registry can name",
            hint="write fewer and larger files, or one archive",
        )
    return Bundle(name=step_name(key), manifest=manifest, blobs={**blobs, digest: len(data)})


def _layer(digest: Digest, size: int, title: str | None) -> JSON:
    layer: dict[str, JSON] = {
        "mediaType": "application/octet-stream",
        "digest": digest,
        "size": size,
    }
    if title is not None:
        layer["annotations"] = {_TITLE: title}
    return layer


def read_step(data: bytes) -> SharedStep:
    """Read the manifest of a step's result; StoreError for anything else, a wrong record too."""
    try:
        value = cast("dict[str, JSON]", json.loads(data))
        about = cast("dict[str, JSON]", value["config"])
        if about["mediaType"] != RECORD_TYPE:
            raise ValueError(f"a config of the type {about['mediaType']!r}")
        digest, size = parse_digest(str(about["digest"])), int(cast(int, about["size"]))
        inline = about.get("data")
        record = None if inline is None else base64.b64decode(str(inline), validate=True)
        if record is not None and of_bytes(record) != digest:
            raise ValueError("a record that is not the one of its digest")
        notes = cast("dict[str, str]", value.get("annotations") or {})
        return SharedStep(
            record=digest,
            size=size,
            data=record,
            blobs={**blobs_of(data), digest: size},
            signatures={
                name.removeprefix(_SIGNATURE): base64.b64decode(text, validate=True)
                for name, text in notes.items()
                if name.startswith(_SIGNATURE)
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"not the shared result of a step: {error!r}") from error


def blobs_of(manifest: bytes) -> dict[Digest, int]:
    """Return the blobs that any OCI manifest names, config included; StoreError for no manifest."""
    try:
        value = cast("dict[str, JSON]", json.loads(manifest))
        named = [value["config"], *cast("list[JSON]", value.get("layers") or [])]
        pieces = cast("list[dict[str, JSON]]", named)
        return {parse_digest(str(one["digest"])): int(cast(int, one["size"])) for one in pieces}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"not an OCI manifest: {error!r}") from error


def created(manifest: bytes) -> str | None:
    """Return when a manifest says that it was made, None when it does not."""
    try:
        return str(json.loads(manifest)["annotations"][CREATED])
    except (KeyError, TypeError, ValueError):
        return None


def marker(about: str, moment: str) -> Bundle:
    """Return a manifest of nothing that says who works with the remote since ``moment``."""
    empty = config()
    layer = {"mediaType": EMPTY_TYPE, "digest": of_bytes(empty), "size": len(empty)}
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": MARKER_TYPE,
            "config": cast(JSON, layer),
            "layers": [cast(JSON, layer)],
            "annotations": {CREATED: moment, _TITLE: about},
        }
    )
    return Bundle(name=about, manifest=manifest, blobs={of_bytes(empty): len(empty)})


def referrer(subject: Digest, size: int, kind: str, layer: Digest, layer_size: int) -> bytes:
    """Return the manifest of an attestation about ``subject``, itself a manifest."""
    empty = config()
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": kind,
            "config": {"mediaType": EMPTY_TYPE, "digest": of_bytes(empty), "size": len(empty)},
            "layers": [{"mediaType": kind, "digest": layer, "size": layer_size}],
            "subject": {"mediaType": MANIFEST_TYPE, "digest": subject, "size": size},
        }
    )
