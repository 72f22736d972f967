"""Serve by digest, as a container does: it has a store, and neither repository nor tags."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlgitops.core.digests import JSON, Digest, document, parse_digest, short
from mlgitops.core.errors import MlgitopsError, Refused, UsageError
from mlgitops.store import Store

SERVED: Final = ("model.onnx", "signature.json", "golden.json")
_REFERENCE: Final = re.compile(r"([a-z0-9][a-z0-9-]*)(?:@v?(\d+\.\d+\.\d+))?@(sha256:[0-9a-f]*)")
_TITLE: Final = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """A release by the digest of its manifest. ``version`` is what the server answers with."""

    model: str
    version: str
    digest: Digest


def exact(reference: str) -> Exact | None:
    """Read ``churn@sha256:…`` or ``churn@1.4.0@sha256:…``; None for what names no digest.

    Raises MlgitopsError for a digest that is not whole.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    digest = parse_digest(match[3])
    return Exact(model=match[1], version=match[2] or short(digest), digest=digest)


def serve_exact(
    store: Store,
    wanted: Exact,
    *,
    host: str,
    port: int,
    journal: Path | None,
    say: Callable[[str], None],
) -> None:
    """Serve the release until SIGTERM or SIGINT; the store is only read.

    Raises StoreError when bytes are missing or altered, Refused when the digest is that of another
    model, UsageError without the extra ``serve`` or when the address is taken.
    """
    try:
        from mlgitops.server.run import run
    except ImportError as error:
        raise UsageError(
            f"the model server cannot be imported: {error}",
            hint="it needs the extra: pip install 'mlgitops[serve]'",
        ) from error
    files = served_files(store, wanted)
    about: dict[str, JSON] = {
        "model": wanted.model,
        "version": wanted.version,
        "digest": wanted.digest,
        "files": {name: str(digest) for name, digest in files.items()},
    }
    with tempfile.TemporaryDirectory(prefix="mlgitops-") as name:
        folder = Path(name)
        for file, digest in files.items():
            (folder / file).write_bytes(store.read(digest))
        (folder / "release.json").write_bytes(document(about))

        def ready(taken: int) -> None:
            address = f"[{host}]" if ":" in host else host
            say(
                f"serving {wanted.model} {wanted.version} ({wanted.digest})\n"
                f"listening on http://{address}:{taken}/v2/models/{wanted.model}/infer\n"
                f"journal: {journal or 'none'}"
            )

        run(folder, host=host, port=port, journal=journal, ready=ready, on_log=say)
    say("every request is answered; stopped")


def served_files(store: Store, wanted: Exact) -> Mapping[str, Digest]:
    """Return the files that a server loads, as the manifest of the release names them."""
    try:
        manifest = json.loads(store.read(wanted.digest))
        model = manifest["annotations"][_TITLE]
        layers = {one["annotations"][_TITLE]: one["digest"] for one in manifest["layers"]}
        files = {name: parse_digest(layers[name]) for name in SERVED}
    except (ValueError, KeyError, TypeError) as error:
        raise MlgitopsError(f"{wanted.digest} is no manifest of a release: {error!r}") from error
    if model != wanted.model:
        raise Refused(
            f"{wanted.digest} is a release of {model!r}, not of {wanted.model!r}",
            hint="is the name or the digest of another model?",
        )
    return files
