"""The two files that make a folder an OCI image layout; named roots stand in ``index.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from mlgitops.core.digests import JSON, Digest, canonical, of_bytes, parse_digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.manifests import MANIFEST_TYPE

LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_NAME: Final = "org.opencontainers.image.ref.name"
# Of the list itself, so that a damaged letter of a name is found like one of a digest.
_SEAL: Final = "mlgitops.seal"


@dataclass(frozen=True, slots=True)
class Root:
    """What a name of ``index.json`` stands for: an OCI manifest."""

    digest: Digest
    size: int


def index_bytes(roots: Mapping[str, Root]) -> bytes:
    """Return the ``index.json`` that names ``roots``, releases by their tags."""
    manifests: list[JSON] = [
        {
            "mediaType": MANIFEST_TYPE,
            "digest": root.digest,
            "size": root.size,
            "annotations": {_NAME: name},
        }
        for name, root in sorted(roots.items())
    ]
    index: dict[str, JSON] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    }
    if manifests:
        index["annotations"] = {_SEAL: of_bytes(canonical(manifests))}
    return canonical(index)


def roots_of(data: bytes) -> dict[str, Root]:
    """Read what ``index_bytes`` wrote; MlgitopsError for anything else, a flipped bit too."""
    try:
        listed = cast("list[dict[str, JSON]]", json.loads(data)["manifests"])
        roots = {
            cast("dict[str, str]", one["annotations"])[_NAME]: Root(
                parse_digest(str(one["digest"])), int(cast(int, one["size"]))
            )
            for one in listed
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MlgitopsError(f"not the index of this store: {error!r}") from error
    if json.loads(index_bytes(roots)) != json.loads(data):
        raise MlgitopsError("not the index of this store: it is not as it was written")
    return roots
