"""Serve: which release a name or an environment means; ``standalone`` brings its bytes up.

Nothing on this path unpickles, and nothing of a training library is imported: what a release is
comes from git, its bytes from the store by digest, and the server proves them once more.
"""

from __future__ import annotations

from pathlib import Path

from mlgitops.core.errors import GitError, Refused, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.marks import Mark
from mlgitops.core.pins import pin_path, read_as
from mlgitops.core.releases import Release
from mlgitops.core.specs.environments import Pin
from mlgitops.flow.releases import release, split_reference
from mlgitops.flow.seams import Seams
from mlgitops.flow.standalone import Exact, serve_exact, served_files


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
    not released or not pinned, Refused when pin, tag and manifest do not agree, StoreError when
    bytes are missing or altered.
    """
    wanted = proven(seams, choose(seams, reference, environment))
    serve_exact(seams.store, wanted, host=host, port=port, journal=journal, say=seams.say)


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


def proven(seams: Seams, chosen: Release) -> Exact:
    """Return what to serve. Refused when the tag names other files than the release's manifest."""
    wanted = Exact(model=chosen.model, version=str(chosen.version), digest=chosen.digest)
    for name, digest in served_files(seams.store, wanted).items():
        told = chosen.document.files[name]
        if told != digest:
            raise Refused(
                f"the tag {chosen.tag} names {told} as {name}, and the release's manifest {digest}",
                hint="the tag does not say what was released: release the model again",
            )
    return wanted
