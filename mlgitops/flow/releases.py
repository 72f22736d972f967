"""Find releases: annotated tags with a release document."""

from __future__ import annotations

import re
from typing import Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.release_documents import HEAD_LINES, from_message, head
from mlgitops.core.releases import Head, Release, Version, newest, parse_tag
from mlgitops.files.memory import Memory
from mlgitops.git import Repository

# Raise it when what is remembered of a tag is another thing.
_FORMAT: Final = "1"
_AT_ONCE: Final = 2000
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


def heads(repository: Repository, model: str | None = None) -> tuple[Head, ...]:
    """Return what the tags of ``model`` (or of all models) say first, lowest version first.

    Thousands take a moment, since no document is read: whether one is whole is not looked at.
    """
    if model is None:
        found = _every(repository)
    else:
        told = repository.tag_heads(f"{model}@v*", HEAD_LINES)
        found = [one for name, text in told.items() if (one := head(name, text)) is not None]
    kept = (one for one in found if model in (None, one.model))
    return tuple(sorted(kept, key=_order))


def _order(one: Head) -> tuple[str, int, int, int]:
    version = one.version
    return one.model, version.major, version.minor, version.patch


def _every(repository: Repository) -> list[Head]:
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
    return [one for name, kept in tags.items() if (one := _head(name, known[kept])) is not None]


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
    """Return one release, the newest without ``version``; UsageError when there is none."""
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
    versions = [str(one.version) for one in known]
    raise UsageError(
        f"{model!r} has no release {version}",
        hint=did_you_mean(version, versions) or f"there are: {', '.join(versions) or 'none'}",
    )


def split_reference(text: str) -> tuple[str, str | None]:
    """Split ``churn@v1.4.0``, ``churn@1.4.0`` or ``churn`` into model and version."""
    model, _, version = text.partition("@")
    return model, version.removeprefix("v") or None
