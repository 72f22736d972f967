"""Find releases: annotated tags with a release document."""

from __future__ import annotations

from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.release_documents import HEAD_LINES, from_message, head
from mlgitops.core.releases import Head, Release, Version, newest, parse_tag
from mlgitops.git import Repository


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
    told = repository.tag_heads(f"{model}@v*" if model else "*@v*", HEAD_LINES)
    found = [one for name, text in told.items() if (one := head(name, text)) is not None]
    kept = (one for one in found if model in (None, one.model))
    return tuple(sorted(kept, key=lambda one: (one.model, one.version)))


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
