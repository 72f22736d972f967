"""Lineage: a release down to its data, code and parameters, and up to where it runs now."""

from __future__ import annotations

from mlgitops.core.errors import GitError
from mlgitops.core.lineages import Commit, Made, Trace, trace
from mlgitops.core.releases import Release
from mlgitops.core.workspaces import load
from mlgitops.flow.experiments import open_experiments
from mlgitops.flow.releases import release, split_reference
from mlgitops.flow.seams import Seams


def lineage(seams: Seams, reference: str, *, offline: bool = False) -> Trace:
    """Return the trace of ``churn`` (its newest release) or ``churn@1.4.0``.

    Only tags and commits are read: nothing of the data is fetched. Raises UsageError when there is
    no such release.
    """
    if not offline:
        try:
            seams.repository.fetch()
        except GitError as error:
            seams.say(f"not up to date: {error.message}")
    model, version = split_reference(reference)
    found = release(seams.repository, model, version)
    made_at = found.document.lineage.commit
    known = seams.repository.resolve(made_at) is not None
    draft = load(seams.repository.tree(made_at)).draft if known else None
    pipelines = {one.spec.name: one.spec for one in draft.pipelines} if draft else {}
    models = {one.spec.name: one.spec for one in draft.models} if draft else {}
    return trace(
        found,
        _commit(seams, made_at) if known else None,
        pipelines.get(found.document.lineage.pipeline),
        models.get(model),
        pinned=_pinned(seams, found),
        present=_present(seams, found),
        runs=_runs(seams, found),
    )


def _runs(seams: Seams, found: Release) -> dict[str, Made]:
    known = open_experiments(seams)
    runs = {
        name: run
        for name, step in found.document.lineage.steps.items()
        if (run := known.made(step.key)) is not None
    }
    return {name: Made(id=run.id, at=run.at, by=run.who, page=run.ci) for name, run in runs.items()}


def _commit(seams: Seams, commit: str) -> Commit:
    entry = seams.repository.log(commit, limit=1)[0]
    return Commit(author=entry.author.split(" <")[0], at=entry.date, subject=entry.subject)


def _pinned(seams: Seams, found: Release) -> tuple[str, ...]:
    try:
        base = seams.repository.base(seams.branch)
    except GitError:
        return ()
    draft = load(seams.repository.tree(base)).draft
    places = (
        pin.path.split("/")[1]
        for pin in draft.pins
        if pin.spec.model == found.model and pin.spec.digest == found.digest
    )
    return tuple(sorted(places))


def _present(seams: Seams, found: Release) -> bool:
    return all(seams.store.has(digest) for digest in found.document.blobs.values())
