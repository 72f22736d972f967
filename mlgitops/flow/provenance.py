"""What a release says of where it comes from: is it what was signed, and who signed it?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, cast

from mlgitops.core import provenance
from mlgitops.core.attestations import (
    BUNDLE,
    ENVELOPE,
    MODEL,
    STATEMENT,
    Trusted,
    TrustedGpg,
    TrustedIdentity,
    TrustedKey,
    Untrusted,
)
from mlgitops.core.comparing import first_difference
from mlgitops.core.digests import JSON, Digest, canonical
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.core.findings import Finding, Severity
from mlgitops.core.marks import Mark
from mlgitops.core.provenance import Provenance, builder_of, statement
from mlgitops.core.releases import Release
from mlgitops.core.sources import parse
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.projects import Project
from mlgitops.core.specs.signing import SigningSpec
from mlgitops.core.trees import Tree
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.attest import laid_out
from mlgitops.flow.bundles import step_statement
from mlgitops.flow.seams import Seams
from mlgitops.signing import checks, ssh

RULE: Final = "mlgitops/provenance"
_KINDS: Final = (STATEMENT, ENVELOPE, BUNDLE)
_NOBODY: Final = "mlgitops.yaml trusts nobody"
_TRUST: Final = "list the signer under signing.trusted"
_SPEC: Final = "mlgitops.yaml"


def trusted(workspace: Workspace) -> tuple[Trusted, ...]:
    """Return whose signatures count, by the project of ``workspace``."""
    return trusted_in(workspace.project, workspace.tree)


def trusted_in(project: Located[Project], tree: Tree) -> tuple[Trusted, ...]:
    """Return whose signatures count; Refused when a key's file is not there."""
    found: list[Trusted] = []
    for index, one in enumerate(project.spec.signing.trusted):
        if one.key is not None:
            data = tree.read(one.key)
            if data is None:
                raise Refused(
                    f"there is no file {one.key}, the public key of {one.name}",
                    hint="commit it, or take the signer off the list",
                    at=project.mark("signing", "trusted", index, "key"),
                )
            found.append(TrustedKey(name=one.name, key=data))
        elif one.identity is not None:
            issuer = one.issuer or ""
            found.append(TrustedIdentity(name=one.name, identity=one.identity, issuer=issuer))
        elif one.gpg is not None:
            found.append(TrustedGpg(name=one.name, fingerprint=one.gpg))
    return tuple(found)


def vouches(name: str, data: bytes, key: Digest, record: Digest, by: Sequence[Trusted]) -> bool:
    """Return whether somebody of ``by`` signed that ``record`` is the result of a step key."""
    try:
        told = checks.payload(name, data)
        return told == canonical(step_statement(key, record)) and bool(
            checks.signer(name, data, by)
        )
    except MlgitopsError:
        return False


def provenance_of(seams: Seams, release: Release, by: Sequence[Trusted]) -> Provenance:
    """Return what the release's statement is worth to who trusts ``by``."""
    builder, signer, problem = "", None, None
    try:
        name, data = _attestation(seams, release)
        builder = _checked(release, checks.payload(name, data)).id
        if name == STATEMENT:
            problem = "nobody signed it"
        elif not by:
            problem = f"it is signed, and {_NOBODY}"
        else:
            signer = checks.signer(name, data, by)
    except MlgitopsError as error:
        problem = error.message
    return Provenance(
        signer=signer,
        builder=builder,
        commit=release.document.lineage.commit,
        problem=problem,
    )


def findings(seams: Seams, release: Release, by: Sequence[Trusted]) -> Iterator[Finding]:
    """Yield what is wrong with the attestations of a release and with its tag's signature."""
    asked = _asked(seams, release)
    for look in (_of_statement, _of_files, _of_tag):
        try:
            yield from look(seams, release, by, asked)
        except Refused as error:
            # A program or a package that is not here: nothing is known, and nothing is wrong.
            yield _finding(release, error.message, error.hint, severity="unknown")
        except MlgitopsError as error:
            yield _finding(release, error.message, error.hint)


def _of_statement(
    seams: Seams, release: Release, by: Sequence[Trusted], asked: SigningSpec
) -> Iterator[Finding]:
    name, data = _attestation(seams, release)
    try:
        _checked(release, checks.payload(name, data))
    except MlgitopsError as error:
        yield _finding(release, f"{name}: {error.message}")
    if name == STATEMENT:
        if asked.with_ is not None:
            message = f"nobody signed it, and {_SPEC} at its commit asks for 'with: {asked.with_}'"
            yield _finding(release, message, "somebody made this tag by another way: look who")
    elif not by:
        yield _finding(release, f"{name} is signed, and {_NOBODY}", _TRUST, severity="unknown")
    else:
        try:
            checks.signer(name, data, by)
        except Untrusted as error:
            yield _finding(release, f"{name}: {error.message}", _TRUST)


def _of_files(
    seams: Seams, release: Release, by: Sequence[Trusted], asked: SigningSpec
) -> Iterator[Finding]:
    digest = release.document.attestations.get(MODEL)
    if digest is None or not by:
        return
    with laid_out(seams, release.document.files) as folder:
        try:
            checks.files_signer(seams.store.read(digest), folder, by)
        except Untrusted as error:
            yield _finding(release, f"{MODEL}: {error.message}", _TRUST)


def _of_tag(
    seams: Seams, release: Release, by: Sequence[Trusted], asked: SigningSpec
) -> Iterator[Finding]:
    told = release.document.lineage.commit
    if told != release.commit:
        yield _finding(
            release, f"the tag is on {release.commit[:12]}, and its document says {told[:12]}"
        )
    keys = [one for one in by if isinstance(one, TrustedKey)]
    signers = ssh.allowed(keys, "git")
    found = seams.repository.tag_signature(release.tag_object, signers)
    if found is None:
        if asked.tags:
            message = f"the tag is not signed, and {_SPEC} at its commit asks for 'tags: true'"
            yield _finding(release, message, "somebody made this tag by another way: look who")
        return
    known = {one.fingerprint for one in by if isinstance(one, TrustedGpg)}
    good = found.signers if found.format == "ssh" else tuple(known.intersection(found.signers))
    if good:
        return
    if not by:
        yield _finding(release, f"the tag is signed, and {_NOBODY}", _TRUST, severity="unknown")
        return
    yield _finding(release, f"the tag's signature does not count: {found.said}", _TRUST)


def _attestation(seams: Seams, release: Release) -> tuple[str, bytes]:
    names = [name for name in _KINDS if name in release.document.attestations]
    if len(names) != 1:
        what = " and ".join(names) or "no provenance statement"
        raise MlgitopsError(f"it carries {what}, and has to carry one of {', '.join(_KINDS)}")
    return names[0], seams.store.read(release.document.attestations[names[0]])


def _checked(release: Release, payload: bytes) -> provenance.Builder:
    """Return who built, after the statement was derived again from the document."""
    try:
        found = cast(JSON, json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise MlgitopsError(f"its statement is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise MlgitopsError("its statement is no JSON object")
    builder = builder_of(found)
    wanted = statement(release.document, builder)
    if canonical(wanted) != payload:
        where = first_difference(cast(JSON, wanted), found)
        raise MlgitopsError(f"the document is not what it states: {where or 'other bytes'}")
    return builder


def _asked(seams: Seams, release: Release) -> SigningSpec:
    """Return how the project at the release's commit says that it signs; nothing if unreadable."""
    data = seams.repository.file(release.commit, _SPEC)
    nothing = SigningSpec.model_construct()
    if data is None:
        return nothing
    try:
        documents = parse(data, _SPEC)
        found = read_spec(documents[0], Project) if documents else ()
    except MlgitopsError:
        return nothing
    return found.spec.signing if isinstance(found, Located) else nothing


def _finding(
    release: Release, message: str, hint: str | None = None, severity: Severity = "error"
) -> Finding:
    at = Mark(path=release.tag)
    return Finding(rule=RULE, message=message, hint=hint, at=at, severity=severity)
