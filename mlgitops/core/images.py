"""A release as a container image of nothing but its files, for platforms that mount images.

Kubernetes mounts an image as a volume; runtimes that know no artifacts (containerd) want a layer of
tar and a config that names it. Equal files give equal bytes.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mlgitops.core.digests import JSON, Digest, canonical, of_bytes
from mlgitops.core.manifests import MANIFEST_TYPE

FOLDER: Final = "models"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
_CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"
# Nothing in it runs; a node only asks for an image of its own kind.
_MACHINES: Final = ("amd64", "arm64")
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An index for all machines, by digest its manifests and their configs, and one layer.

    ``layer``: digest and bytes of what ``tar`` gave.
    """

    index: bytes
    manifests: Mapping[Digest, bytes]
    configs: Mapping[Digest, bytes]
    layer: tuple[Digest, int]


def tar(
    files: Mapping[str, Digest],
    sizes: Mapping[str, int],
    read: Callable[[Digest], Iterable[bytes]],
) -> Iterator[bytes]:
    """Yield the bytes of a tar with ``files`` below ``models/``, in the order of their names.

    ``read`` gives the pieces of one.
    """
    folders = {FOLDER}
    for name in files:
        parts = f"{FOLDER}/{name}".split("/")[:-1]
        folders |= {"/".join(parts[: place + 1]) for place in range(len(parts))}
    for name in sorted(folders):
        yield _head(name, 0, folder=True)
    for name in sorted(files):
        yield _head(f"{FOLDER}/{name}", sizes[name], folder=False)
        yield from read(files[name])
        yield b"\0" * (-sizes[name] % _BLOCK)
    yield b"\0" * (2 * _BLOCK)


def _head(name: str, size: int, *, folder: bool) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o755 if folder else 0o444
    entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    return entry.tobuf(tarfile.PAX_FORMAT)


def image(model: str, release: Digest, layer: Digest, size: int) -> Image:
    """Return the image of a layer; ``release``: the digest of the artifact with the same files."""
    configs: dict[Digest, bytes] = {}
    manifests: dict[Digest, bytes] = {}
    listed: list[JSON] = []
    for machine in _MACHINES:
        about = canonical(
            {
                "architecture": machine,
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [layer]},
            }
        )
        made = canonical(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": {
                    "mediaType": _CONFIG_TYPE,
                    "digest": of_bytes(about),
                    "size": len(about),
                },
                "layers": [{"mediaType": _LAYER_TYPE, "digest": layer, "size": size}],
                "annotations": {
                    "org.opencontainers.image.title": model,
                    "mlgitops.release": release,
                },
            }
        )
        configs[of_bytes(about)], manifests[of_bytes(made)] = about, made
        listed.append(
            {
                "mediaType": MANIFEST_TYPE,
                "digest": of_bytes(made),
                "size": len(made),
                "platform": {"architecture": machine, "os": "linux"},
            }
        )
    index = canonical({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": listed})
    return Image(index=index, manifests=manifests, configs=configs, layer=(layer, size))
