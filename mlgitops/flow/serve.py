"""Serve: bring a release from the store to the model server, in this process.

Nothing on this path unpickles, and nothing of a training library is imported: what a release is
comes from git, its bytes from the store by digest, and the server proves them once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlgitops.core.digests import Digest, document
from mlgitops.core.errors import GitError, MlgitopsError, Refused, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.marks import Mark
from mlgitops.core.pins import pin_path, read_as
from mlgitops.core.releases import Release
from mlgitops.core.specs.environments import Pin
from mlgitops.flow.releases import release, split_reference
from mlgitops.flow.seams import Seams

SERVED: Final = ("model.onnx", "signature.json", "golden.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What runs where: told once the server answers."""

    release: Release
    host: str
    port: int
    journal: Path | None


def serve(
    seams: Seams,
    reference: str,
    *,
    environment: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    journal: Path | None = None,
) -> None:
    """Serve ``churn``, ``churn@1.4.0``, or what ``environment`` pins, until SIGTERM or SIGINT.

    ``journal``: the folder of the prediction journal, None for none. Raises UsageError for what is
    not released or not pinned, StoreError when bytes are missing or altered.
    """
    chosen = choose(seams, reference, environment)
    # A scratch folder is swept also after a kill, and the server has read all before it answers.
    with seams.store.scratch() as folder:
        lay_out(seams, chosen, folder)

        def ready(taken: int) -> None:
            address = f"[{host}]" if ":" in host else host
            seams.say(
                f"serving {chosen.model} {chosen.version} ({chosen.digest})\n"
                f"listening on http://{address}:{taken}/v2/models/{chosen.model}/infer\n"
                f"journal: {journal or 'none'}"
            )

        _server()(folder, host=host, port=port, journal=journal, ready=ready, on_log=seams.say)
    seams.say("every request is answered; stopped")


def journal_of(seams: Seams, model: str, environment: str | None) -> Path:
    """Return where the journal of a model stands when nobody says otherwise."""
    place = seams.repository.root / ".mlgitops" / "journal"
    return place / (environment or "local") / split_reference(model)[0]


def choose(seams: Seams, reference: str, environment: str | None) -> Release:
    """Return the release that ``reference`` or the environment's pin names."""
    model, version = split_reference(reference)
    if environment is None:
        return release(seams.repository, model, version)
    if version is not None:
        raise UsageError(
            f"{reference} names a version, and so does the pin of {environment}",
            hint="leave out one of the two",
        )
    try:
        seams.repository.fetch()
    except GitError as error:
        # A server that starts again while git is away is worth more than one that does not.
        seams.say(f"{error.message}; serving what was pinned when git last answered")
    return pinned(seams, model, environment)


def pinned(seams: Seams, model: str, environment: str) -> Release:
    """Return the release that ``environment`` pins on the shared branch, as last fetched.

    Only the pin is read: a mistake in another team's spec stops no server. Raises UsageError when
    nothing is pinned, Refused when the tag is not the release that the pin names.
    """
    tree = seams.repository.tree(seams.repository.base(seams.branch))
    path = pin_path(environment, model)
    data = tree.read(path)
    if data is None:
        known = sorted(
            {p.split("/")[1] for p in tree.paths("environments") if p.endswith("environment.yaml")}
        )
        if environment not in known:
            raise UsageError(
                f"there is no environment {environment!r}",
                hint=did_you_mean(environment, known) or f"there are: {', '.join(known)}",
            )
        raise UsageError(
            f"{environment} runs no {model}", hint=f"mlgitops promote {model} --to {environment}"
        )
    pin = read_as(Pin, data, path)
    if pin is None:
        raise Refused(
            "the pin cannot be read", hint="`mlgitops validate` says why", at=Mark(path=path)
        )
    found = release(seams.repository, model, pin.version)
    if found.digest != pin.digest:
        raise Refused(
            f"{environment} pins {model} {found.version} as {pin.digest}, and its tag says"
            f" {found.digest}",
            hint="was the tag moved, or the pin edited? `mlgitops verify` says more",
            at=Mark(path=path),
        )
    return found


def _server() -> Callable[..., None]:
    try:
        from mlgitops.server.run import run
    except ImportError as error:
        raise UsageError(
            f"the model server cannot be imported: {error}",
            hint="it needs the extra: pip install 'mlgitops[serve]'",
        ) from error
    return run


def lay_out(seams: Seams, chosen: Release, folder: Path) -> None:
    """Write what the server loads into ``folder``, every byte of it named by the release's digest.

    Raises Refused when the tag names other files than the manifest of that digest.
    """
    files = _files(seams, chosen)
    for name, digest in files.items():
        (folder / name).write_bytes(seams.store.read(digest))
    about = document(
        {
            "model": chosen.model,
            "version": str(chosen.version),
            "digest": chosen.digest,
            "files": {name: str(digest) for name, digest in files.items()},
        }
    )
    (folder / "release.json").write_bytes(about)


def _files(seams: Seams, chosen: Release) -> Mapping[str, Digest]:
    """Return the served files by the manifest; the tag must agree with it."""
    try:
        layers = json.loads(seams.store.read(chosen.digest))["layers"]
        title = "org.opencontainers.image.title"
        named = {layer["annotations"][title]: layer["digest"] for layer in layers}
    except (ValueError, KeyError, TypeError) as error:
        raise MlgitopsError(f"{chosen.digest} is no manifest of a release: {error!r}") from error
    files = {}
    for name in SERVED:
        files[name] = chosen.document.files[name]
        if named.get(name) != files[name]:
            raise Refused(
                f"the tag {chosen.tag} names {files[name]} as {name}, and its manifest"
                f" {named.get(name)}",
                hint="the tag does not say what was released: release the model again",
            )
    return files
