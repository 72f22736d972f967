"""A release as one OCI image manifest, so that registries and serving platforms can hold it."""

from __future__ import annotations

from collections.abc import Mapping

from mlgitops.core.digests import JSON, Digest, canonical

ARTIFACT_TYPE = "application/vnd.mlgitops.model.v1"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = b"{}"
_TYPES = {
    ".onnx": "application/vnd.onnx.model",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".md": "text/markdown",
    ".svg": "image/svg+xml",
}


def config() -> bytes:
    """Return the config blob: the empty one that the OCI specification gives for artifacts."""
    return _EMPTY


def manifest(
    model: str, config_digest: Digest, files: Mapping[str, Digest], sizes: Mapping[str, int]
) -> bytes:
    """Return the manifest of a release's files, as canonical bytes: equal files, equal digest.

    Neither the version nor a time is in it, since they do not make another model.
    """
    layers: list[JSON] = [
        {
            "mediaType": _TYPES[name[name.rindex(".") :]],
            "digest": files[name],
            "size": sizes[name],
            "annotations": {"org.opencontainers.image.title": name},
        }
        for name in sorted(files)
    ]
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": ARTIFACT_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": config_digest,
                "size": len(_EMPTY),
            },
            "layers": layers,
            "annotations": {"org.opencontainers.image.title": model},
        }
    )
