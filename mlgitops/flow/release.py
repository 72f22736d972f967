"""Release: export, prove, evaluate, describe and tag a model.

Everything but the tag is written by digest first; the tag is one create-only push, so a release
exists whole or not at all, and releasing the same thing twice does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, RaceLost, Refused
from mlgitops.core.release_documents import message
from mlgitops.core.releases import (
    Bump,
    Head,
    Release,
    ReleaseDocument,
    Version,
    bump_for,
    newest,
    tag_name,
)
from mlgitops.core.signatures import Signature, breaks, notes
from mlgitops.files import WorkTree
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.known import checkout_of
from mlgitops.flow.origins import prepare
from mlgitops.flow.releases import moved_by, no_release, releases, remarks, rid_of, tagged
from mlgitops.flow.releases import release as find
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import model_of, require
from mlgitops.git import Published, RefUpdate

if TYPE_CHECKING:
    from mlgitops.flow.build import Built

_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A new release is tagged, and shared when there is a remote.

    ``callers``: what who called the previous version should know, although requests still fit.
    ``address``: where platforms pull its bytes from, None when they are on this machine only.
    """

    document: ReleaseDocument
    previous: Release | None
    built: Built
    callers: tuple[str, ...]
    shared: bool
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyReleased:
    """This very model is released already: same ONNX, signature, evaluation data and lineage."""

    release: Release


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldRelease:
    """What a release would be; nothing was tagged."""

    document: ReleaseDocument
    previous: Release | None
    built: Built
    callers: tuple[str, ...]


Outcome: TypeAlias = "Released | AlreadyReleased | WouldRelease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A bump that a person chose over the one that follows from what changed, and why."""

    bump: Bump
    reason: str


def release(
    seams: Seams, model: str, *, chosen: Chosen | None = None, dry_run: bool = False
) -> Outcome:
    """Release ``model`` from the commit that is checked out.

    Raises Refused for a dirty work tree, a commit that the shared branch does not contain, an
    estimator that cannot be exported, and an export that does not agree with the estimator.
    ``chosen`` overrides the bump, also downwards; the reasons that were found stay in the document
    beside the person's. ``dry_run`` builds and judges all the same, from any commit, and tags
    nothing.
    """
    # A result of somebody who is not trusted is done again here.
    seams = replace(seams, store=seams.store.vouched())
    repository = seams.repository
    root = repository.root
    repository.fetch()
    commit = repository.resolve("HEAD")
    if commit is None:
        raise Refused("there is no commit yet", hint="commit the specs and the code first")
    tags = tagged(repository, model)
    for remark in remarks(repository, tags.strangers):
        seams.say(f"note: {remark}")
    if dry_run:
        checkout = Checkout(seams=seams, workspace=require(WorkTree(root)), root=root)
    else:
        _refuse_unnamed(seams)
        _refuse_unshared(seams, commit)
        checkout = checkout_of(seams, commit, model)
    prepared = prepare(checkout, model_of(checkout.workspace, model).spec, commit)
    seams.store.flush()
    if not dry_run:
        # A source without a pin writes one while it runs: then this is not the commit any more.
        _refuse_dirty(seams)
    done = _done(seams, tags.heads, prepared.recipe)
    if done is not None:
        return AlreadyReleased(release=done)
    from mlgitops.flow.build import build  # what makes evidence takes long to import

    if checkout.widest is not None:
        prepared = replace(prepared, workspace=require(WorkTree(root)))
    built = build(seams, prepared)
    seams.store.flush()
    sign = prepared.workspace.project.spec.signing.tags
    return _tag(seams, built, commit, chosen, dry_run=dry_run, sign=sign)


def _done(seams: Seams, known: Iterable[Head], recipe: Digest) -> Release | None:
    """Return the release that this would be, when its bytes are here: nothing is made again."""
    for one in known:
        if one.recipe == recipe:
            found = find(seams.repository, one.model, str(one.version))
            if all(seams.store.has(digest) for digest in found.document.blobs.values()):
                return found
    return None


def _refuse_unnamed(seams: Seams) -> None:
    """A tag says who released; only a machine may be nobody."""
    if not seams.ci and not seams.repository.is_known():
        raise Refused(
            "git does not know who you are, and a release says who made it",
            hint='git config user.name "…"; git config user.email "…"',
        )


def _refuse_unshared(seams: Seams, commit: str) -> None:
    _refuse_dirty(seams)
    repository, branch = seams.repository, seams.branch
    if repository.is_ancestor(commit, repository.base(branch)):
        return
    if repository.shallow():
        raise Refused(
            f"whether HEAD ({commit[:12]}) is on {branch} cannot be told: the history of this"
            " clone was cut off (a shallow clone)",
            hint="git fetch --unshallow --tags",
        )
    if repository.remote is not None and commit == repository.resolve(f"refs/heads/{branch}"):
        raise Refused(
            f"HEAD ({commit[:12]}) is not pushed: {repository.remote}/{branch} does not have it",
            hint=f"git push {repository.remote} {branch}; or look with --dry-run",
        )
    raise Refused(
        f"HEAD ({commit[:12]}) is not on {branch}",
        hint=f"merge it first, then release from {branch}; or look with --dry-run",
    )


def _refuse_dirty(seams: Seams) -> None:
    dirty = seams.repository.dirty()
    if dirty:
        shown = ", ".join(dirty[:3]) + (f" and {len(dirty) - 3} more" if len(dirty) > 3 else "")
        raise Refused(
            f"the work tree differs from its commit: {shown}",
            hint="commit or remove them: a release is made of what a commit says, nothing else",
        )


def _tag(
    seams: Seams, built: Built, commit: str, chosen: Chosen | None, *, dry_run: bool, sign: bool
) -> Outcome:
    repository = seams.repository
    for _ in range(_ATTEMPTS):
        known = releases(repository, built.document.model)
        for one in known:
            if one.document.identity == built.document.identity:
                return AlreadyReleased(release=one)
        previous = newest(known)
        if previous is not None and (moved := moved_by(previous)) is not None:
            seams.say(f"note: {moved}")
        signatures = _signatures(seams, previous, built.document)
        document = _versioned(built.document, previous, signatures, chosen)
        callers = () if signatures is None else notes(*signatures)
        if dry_run:
            return WouldRelease(document=document, previous=previous, built=built, callers=callers)
        name = tag_name(document.model, document.version)
        _refuse_taken(seams, name)
        from mlgitops.flow.attest import attested

        document = attested(seams, document)
        if seams.remote is not None:
            from mlgitops.flow.push import push_release

            # Before the tag, which others read: it must not name what only this machine has.
            push_release(seams, document)
        tag = repository.tag_object(name, commit, message(document), signed=sign)
        update = RefUpdate(ref=f"refs/tags/{name}", old=None, new=tag)
        if isinstance(repository.publish([update]), Published):
            shared = repository.remote is not None
            return Released(
                document=document,
                previous=previous,
                built=built,
                callers=callers,
                shared=shared,
                address=_offered(seams, document),
            )
        # Somebody tagged this version a moment ago: read what it is, then decide again.
        repository.fetch()
    raise RaceLost(
        f"others kept releasing {built.document.model}", hint="run the same command again"
    )


def _offered(seams: Seams, document: ReleaseDocument) -> str | None:
    """Lay the release out for platforms; that this fails takes nothing from the release."""
    if seams.remote is None:
        return None
    from mlgitops.flow.push import offer

    try:
        return offer(seams, seams.remote, document)
    except MlgitopsError as error:
        why = f"platforms cannot pull it yet: {error.message}"
        seams.say(f"note: {why}; `mlgitops push` tries again")
        return None


def _refuse_taken(seams: Seams, tag: str) -> None:
    """No later version may take its place: why a version is what it is has to follow."""
    if tag in tagged(seams.repository, tag.partition("@")[0]).strangers:
        raise Refused(
            f"this would be {tag}, and {no_release(seams.repository, tag)}",
            hint=f"delete it: {rid_of(seams.repository, tag)};"
            " or choose another version with --bump and --reason",
        )


def _signatures(
    seams: Seams, previous: Release | None, document: ReleaseDocument
) -> tuple[Signature, Signature] | None:
    if previous is None:
        return None
    from mlgitops.flow.evaluation import signature

    return signature(seams, previous.document), signature(seams, document)


def _versioned(
    document: ReleaseDocument,
    previous: Release | None,
    signatures: tuple[Signature, Signature] | None,
    chosen: Chosen | None,
) -> ReleaseDocument:
    if previous is None or signatures is None:
        # There is nothing to bump: the first version is the same whatever was chosen.
        bump, because = bump_for(None, document.lineage, ())
        return replace(document, version=Version(1, 0, 0), bump=bump, because=because)
    bump, because = bump_for(previous.document, document.lineage, breaks(*signatures))
    if chosen is not None:
        bump, document = chosen.bump, replace(document, reason=chosen.reason)
    return replace(document, version=previous.version.bumped(bump), bump=bump, because=because)
