"""Find releases: annotated tags with a release document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, Refused, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.release_documents import HEAD_LINES, from_message, head
from mlgitops.core.releases import Head, Release, Version, newest, parse_tag, tag_name
from mlgitops.files.memory import Memory
from mlgitops.git import Repository

# Raise it when what is remembered of a tag is another thing.
_FORMAT: Final = "1"
_AT_ONCE: Final = 2000
_TOLD: Final = 5
# An annotated tag and no commit, whose message could say anything.
_TAG_LINE: Final = re.compile(rb"\Aobject [0-9a-f]{40,64}\ntype commit\ntag ([^\n]+)\n")


def releases(repository: Repository, model: str | None = None) -> tuple[Release, ...]:
    """Return the releases of ``model`` (or of all models), lowest version first per model.

    A tag of the right name without a readable document is no release and is left out.
    """
    found: list[Release] = []
    for tag in repository.tags(f"{model}@v*" if model else "*@v*"):
        named = parse_tag(tag.name)
        if named is None or (model is not None and named[0] != model):
            continue
        try:
            document = from_message(tag.message)
        except MlgitopsError:
            continue
        if (document.model, document.version) == named:
            found.append(
                Release(
                    document=document,
                    tag=tag.name,
                    tag_object=tag.object,
                    commit=tag.commit,
                    released_at=tag.date,
                    released_by=tag.tagger,
                )
            )
    return tuple(sorted(found, key=lambda one: (one.model, one.version)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """What the tags of a model, or of all, say first: ``heads``, the lowest version first.

    ``strangers``: tags of a release's name that are none.
    """

    heads: tuple[Head, ...]
    strangers: tuple[str, ...]


def heads(repository: Repository, model: str | None = None) -> tuple[Head, ...]:
    """Return the heads of ``tagged``."""
    return tagged(repository, model).heads


def tagged(repository: Repository, model: str | None = None) -> Tagged:
    """Return what the tags of ``model`` (or of all models) say first.

    Thousands take a moment, since no document is read: whether one is whole is not looked at.
    """
    if model is None:
        told = _every(repository)
    else:
        texts = repository.tag_heads(f"{model}@v*", HEAD_LINES)
        told = {name: head(name, text) for name, text in texts.items()}
    found = (one for one in told.values() if one is not None)
    named = ((name, parse_tag(name)) for name, one in told.items() if one is None)
    return Tagged(
        heads=tuple(sorted((one for one in found if model in (None, one.model)), key=_order)),
        strangers=tuple(sorted(tag for tag, key in named if key and model in (None, key[0]))),
    )


def no_release(repository: Repository, tag: str) -> str:
    """Return in words what a tag of a release's name is instead."""
    (found,) = repository.tags(tag) or (None,)
    if found is None:
        return f"the tag {tag} is no release: it carries nothing, it is a light tag"
    try:
        document = from_message(found.message)
    except MlgitopsError:
        return f"the tag {tag} is no release: it carries no release document"
    return (
        f"the tag {tag} is no release: its document is that of "
        f"{tag_name(document.model, document.version)}"
    )


def remarks(repository: Repository, strangers: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each tag that pretends to be a release, and how to be rid of it."""
    told = [
        f"{no_release(repository, tag)} ({rid_of(repository, tag)})" for tag in strangers[:_TOLD]
    ]
    more = len(strangers) - len(told)
    return (*told, *([f"and {more} more tags are no release"] if more else []))


def moved_by(release: Release) -> str | None:
    """Return in words that a tag was moved after it was made; None when it was not."""
    made_at = release.document.lineage.commit
    if made_at == release.commit:
        return None
    return (
        f"the tag {release.tag} was moved: it is on {release.commit[:12]}, and its document says"
        f" {made_at[:12]} (mlgitops verify {release.model}@{release.version})"
    )


def rid_of(repository: Repository, tag: str) -> str:
    """Return the commands that show a tag, and delete it here and where everybody sees it."""
    there = f"git push --delete {repository.remote} {tag}; " if repository.remote else ""
    return f"git show {tag}; {there}git tag -d {tag}"


def _order(one: Head) -> tuple[str, int, int, int]:
    version = one.version
    return one.model, version.major, version.minor, version.patch


def _every(repository: Repository) -> dict[str, Head | None]:
    """Read each tag once: what a tag object says never changes, so it is remembered by its name."""
    tags = {
        ref.removeprefix("refs/tags/"): object_id
        for ref, object_id in repository.refs("refs/tags").items()
        if "@v" in ref
    }
    memory = Memory(repository.common_dir, "heads", _FORMAT)
    kept = memory.recall()
    lines = kept.splitlines() if isinstance(kept, str) else []
    known = {line.partition(" ")[0]: line for line in lines}
    unknown = sorted({one for one in tags.values() if one not in known})
    for start in range(0, len(unknown), _AT_ONCE):
        some = unknown[start : start + _AT_ONCE]
        for object_id, data in zip(some, repository.blobs(some), strict=True):
            known[object_id] = f"{object_id} {_told(data or b'')}".rstrip()
    if unknown:
        memory.keep("\n".join(known[one] for one in sorted(set(tags.values()))))
    return {name: _head(name, known[kept]) for name, kept in tags.items()}


def _told(data: bytes) -> str:
    """Return what is remembered of a tag object; nothing of one that is no release."""
    about, _, text = data.partition(b"\n\n")
    name = _TAG_LINE.search(about)
    one = None if name is None else head(name[1].decode("utf-8", "replace"), _text(text))
    if one is None:
        return ""
    return " ".join((one.tag, one.digest, one.identity, one.recipe or "-"))


def _text(data: bytes) -> str:
    return b"\n".join(data.split(b"\n", HEAD_LINES)[:HEAD_LINES]).decode("utf-8", "replace")


def _head(name: str, line: str) -> Head | None:
    _, *told = line.split(" ")
    if len(told) != 4 or told[0] != name:
        return None
    model, _, version = name.partition("@v")
    recipe = None if told[3] == "-" else Digest(told[3])
    return Head(
        model=model,
        version=Version.parse(version),
        digest=Digest(told[1]),
        identity=Digest(told[2]),
        recipe=recipe,
        tag=name,
    )


def release(repository: Repository, model: str, version: str | None = None) -> Release:
    """Return one release, the newest without ``version``; UsageError when there is none.

    Raises Refused for a tag of that name that is no release.
    """
    known = releases(repository, model)
    if version is None:
        last = newest(known)
        if last is None:
            raise UsageError(
                f"{model!r} has no release here",
                hint=f"`mlgitops release {model}`, or `git fetch --tags` in a clone",
            )
        return last
    try:
        wanted = Version.parse(version)
    except MlgitopsError as error:
        raise UsageError(error.message, hint=error.hint) from None
    for one in known:
        if one.version == wanted:
            return one
    tag = tag_name(model, wanted)
    if f"refs/tags/{tag}" in repository.refs(f"refs/tags/{tag}"):
        raise Refused(no_release(repository, tag), hint=rid_of(repository, tag))
    versions = [str(one.version) for one in known]
    raise UsageError(
        f"{model!r} has no release {version}",
        hint=did_you_mean(version, versions) or f"there are: {', '.join(versions) or 'none'}",
    )


def split_reference(text: str) -> tuple[str, str | None]:
    """Split ``churn@v1.4.0``, ``churn@1.4.0`` or ``churn`` into model and version."""
    model, _, version = text.partition("@")
    return model, version.removeprefix("v") or None
