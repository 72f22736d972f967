"""Recompute what a release claims, from bytes by digest; what cannot be read fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final, cast

from mlgitops.core import manifests
from mlgitops.core.attestations import Trusted
from mlgitops.core.comparing import first_difference
from mlgitops.core.digests import JSON, Digest, of_bytes, parse_digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.release_documents import message, to_json, unsigned, written
from mlgitops.core.releases import Release, ReleaseDocument, Version, bump_for, newest
from mlgitops.core.signatures import breaks
from mlgitops.core.trees import Tree
from mlgitops.flow import provenance
from mlgitops.flow.evaluation import signature
from mlgitops.flow.evidence import answers, card, environment, parity, robustness, sbom
from mlgitops.flow.evidence.parts import Held
from mlgitops.flow.releases import releases
from mlgitops.flow.seams import Seams

RULE = "mlgitops/metrics"
CHECKS: Final[tuple[Callable[[Held], Iterator[str]], ...]] = (
    answers.problems,
    parity.problems,
    robustness.problems,
    card.problems,
    environment.problems,
    sbom.problems,
)


def recompute(seams: Seams, release: Release, trusted: Sequence[Trusted]) -> list[Finding]:
    """Return what is wrong with a release: document, bytes, predictions, numbers, signatures.

    ``trusted``: whose signatures count. What cannot be known here is ``unknown``.
    """
    try:
        found = [
            Finding(rule=RULE, message=text, at=Mark(path=release.tag))
            for text in _problems(seams, release)
        ]
        return [*found, *provenance.findings(seams, release, trusted)]
    except MlgitopsError as error:
        # Missing or damaged bytes are a failure: nobody can recompute what is not there.
        text = f"cannot be recomputed: {error.message}"
        return [Finding(rule=RULE, message=text, hint=error.hint, at=Mark(path=release.tag))]


def _problems(seams: Seams, release: Release) -> Iterator[str]:
    document = release.document
    raw = next(tag.message for tag in seams.repository.tags(release.tag))
    if unsigned(raw).strip() != message(document).strip():
        where = first_difference(cast(JSON, to_json(document)), cast(JSON, written(raw)))
        yield f"the tag's document is not in its canonical form: {where or 'other bytes'}"
    damaged = [*_damaged(seams, document)]
    yield from damaged
    if damaged:
        return
    config = of_bytes(manifests.config())
    sizes = {name: seams.store.path(d).stat().st_size for name, d in document.files.items()}
    built = manifests.manifest(document.model, config, document.files, sizes)
    if of_bytes(built) != document.digest:
        yield f"its files make the manifest {of_bytes(built)}, and the tag says {document.digest}"
    if sizes["model.onnx"] != document.size:
        yield f"size is {document.size} in the tag, and {sizes['model.onnx']} in the store"
    yield from _because(seams, release)
    held = Held(seams=seams, release=release)
    for problems in CHECKS:
        yield from problems(held)


def _because(seams: Seams, release: Release) -> Iterator[str]:
    """Say again why the version is what it is; nothing when the one before is not here."""
    document = release.document
    before = newest(
        one for one in releases(seams.repository, release.model) if one.version < release.version
    )
    if before is None:
        wanted = bump_for(None, document.lineage, ())
        if document.version != Version(1, 0, 0):
            return  # those before it were not fetched
    elif not seams.store.has(before.document.files["signature.json"]):
        return
    else:
        broken = breaks(signature(seams, before.document), signature(seams, document))
        wanted = bump_for(before.document, document.lineage, broken)
    bump, because = wanted
    if because != document.because:
        said, found = "; ".join(document.because), "; ".join(because)
        yield f"because is {said!r}, and what changed since {_of(before)} is {found!r}"
    if bump != document.bump and document.reason is None:
        yield f"bump is {document.bump!r} without a reason, and the change is {bump!r}"
    follows = Version(1, 0, 0) if before is None else before.version.bumped(document.bump)
    if follows != document.version:
        yield f"{document.version} does not follow {_of(before)} by {document.bump!r}: {follows}"


def _of(before: Release | None) -> str:
    return "nothing" if before is None else str(before.version)


def _damaged(seams: Seams, document: ReleaseDocument) -> Iterator[str]:
    """Read every byte of the evidence, also what nothing is computed from."""
    for name, digest in document.blobs.items():
        try:
            with seams.store.open(digest) as stream:
                while stream.read(1 << 20):
                    pass
        except MlgitopsError as error:
            yield f"{name}: {error.message}"


def recorded_predictions(tree: Tree, environment: str, model: str) -> Digest | None:
    """Return the live model's predictions that the newest record of a promotion names, or None."""
    paths = sorted(tree.paths(f"environments/{environment}/records/{model}"))
    if not paths:
        return None
    try:
        record = json.loads(tree.read(paths[-1]) or b"")
        found = (record.get("comparison") or {}).get("predictions")
        return None if found is None else parse_digest(str(found))
    except (ValueError, AttributeError, MlgitopsError):
        # Not a record: that is said where its bytes are compared with the derived ones.
        return None
