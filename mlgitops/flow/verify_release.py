"""Verify one release, and lay out what was verified for tools that know nothing of mlgitops."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgitops.core.attestations import Trusted, TrustedKey
from mlgitops.core.drafts import PROJECT_FILE
from mlgitops.core.errors import GitError, UsageError
from mlgitops.core.findings import Finding, in_order
from mlgitops.core.provenance import Provenance
from mlgitops.core.releases import Release
from mlgitops.files import WorkTree
from mlgitops.flow.provenance import provenance_of, trusted_in
from mlgitops.flow.recompute import recompute
from mlgitops.flow.releases import release, split_reference
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require_part
from mlgitops.signing import ssh


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One release, what is wrong with it, and what its statement is worth."""

    release: Release
    findings: tuple[Finding, ...]
    provenance: Provenance


def verify_release(
    seams: Seams, reference: str, *, output: Path | None = None, offline: bool = False
) -> Verified:
    """Recompute one release: ``churn`` (its newest) or ``churn@1.4.0``.

    ``output``: an empty or absent folder, where all that was verified is written for other tools.
    """
    if output is not None and output.exists() and any(output.iterdir()):
        raise UsageError(f"{output} is not empty", hint="name a folder that is not there yet")
    if not offline:
        try:
            seams.repository.fetch()
        except GitError as error:
            seams.say(f"not up to date: {error.message}")
    model, version = split_reference(reference)
    found = release(seams.repository, model, version)
    tree = WorkTree(seams.repository.root)
    (project,) = require_part(tree, lambda path: path == PROJECT_FILE).projects
    by = trusted_in(project, tree)
    seams.say(f"recomputing {found.tag} …")
    told = recompute(seams, found, by)
    if output is not None:
        _write(seams, found, by, output)
    return Verified(
        release=found, findings=in_order(told), provenance=provenance_of(seams, found, by)
    )


def _write(seams: Seams, found: Release, by: Sequence[Trusted], output: Path) -> None:
    """Write manifest, files, attestations, the tag and the public keys below ``output``."""
    document = found.document
    for folder in ("files", "attestations", "trusted"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    places = {"manifest.json": document.digest}
    places |= {f"files/{name}": digest for name, digest in document.files.items()}
    places |= {f"attestations/{name}": digest for name, digest in document.attestations.items()}
    for name, digest in places.items():
        goal = output / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        with seams.store.open(digest) as stream, goal.open("xb") as written:
            shutil.copyfileobj(stream, written)
    (output / "tag").write_bytes(seams.repository.blob(found.tag_object))
    keys = [one for one in by if isinstance(one, TrustedKey)]
    (output / "trusted/allowed_signers").write_bytes(ssh.allowed(keys, "git,mlgitops"))
    for one in keys:
        if not one.is_ssh:
            (output / f"trusted/{one.name}.pem").write_bytes(one.key)
