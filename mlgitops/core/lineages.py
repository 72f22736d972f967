"""Where a release came from, and where it runs: steps, data, code, parameters, environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlgitops.core import release_documents
from mlgitops.core.digests import JSON
from mlgitops.core.graphs import step_needs, step_order
from mlgitops.core.releases import Release
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.pipelines import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Who wrote the commit that a release was made from, when, and what it was about."""

    author: str
    at: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The run that did a step's work: its id, when it ended, by whom, and the page of its job."""

    id: str
    at: str
    by: str
    page: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A release with what git and the store know around it.

    ``steps``: names in the order of work. ``edges``: (step, step that reads from it). ``maker``,
    ``judge``: the steps that made the model and the rows that it was judged on. The last three are
    empty when the commit is not here (``commit`` is None) or its specs cannot be read any more.
    ``pinned``: environments that run it now. ``present``: its bytes are in this store.
    ``runs``: the run that did each step's work, as far as the ledger knows it; it is no part of the
    release, which is the same whoever ran its steps.
    """

    release: Release
    commit: Commit | None
    steps: tuple[str, ...]
    edges: tuple[tuple[str, str], ...] = ()
    maker: str | None = None
    judge: str | None = None
    pinned: tuple[str, ...]
    present: bool
    runs: Mapping[str, Made] = field(default_factory=dict)

    def sources_of(self, step: str) -> tuple[str, ...]:
        """Return the steps that ``step`` reads from."""
        return tuple(before for before, after in self.edges if after == step)


def trace(
    release: Release,
    commit: Commit | None,
    pipeline: Pipeline | None,
    model: Model | None,
    *,
    pinned: tuple[str, ...],
    present: bool,
    runs: Mapping[str, Made],
) -> Trace:
    """Return the trace; ``pipeline`` and ``model`` are the specs at the release's commit."""
    known = release.document.lineage.steps
    steps = tuple(sorted(known))
    edges: tuple[tuple[str, str], ...] = ()
    if pipeline is not None and known.keys() <= {step.name for step in pipeline.steps}:
        needs = step_needs(pipeline)
        steps = tuple(step.name for step in step_order(pipeline) if step.name in known)
        edges = tuple((before, step) for step in steps for before in needs[step])
    maker = model.artifact.partition(".")[0] if model else None
    judge = model.evaluation.data.partition(".")[0] if model else None
    return Trace(
        release=release,
        commit=commit,
        steps=steps,
        edges=edges,
        maker=maker if maker in steps else None,
        judge=judge if judge in steps else None,
        pinned=pinned,
        present=present,
        runs={name: runs[name] for name in steps if name in runs},
    )


def to_json(trace: Trace) -> dict[str, JSON]:
    """Return the form of ``lineage --json``: the release document, and what is known around it."""
    release, commit = trace.release, trace.commit
    known: dict[str, JSON] = {"id": release.document.lineage.commit}
    if commit is not None:
        known |= {"author": commit.author, "at": commit.at, "subject": commit.subject}
    return {
        "apiVersion": "mlgitops/v1",
        "release": release_documents.to_json(release.document),
        "tag": release.tag,
        "released_at": release.released_at,
        "released_by": release.released_by,
        "commit": known,
        "steps": list(trace.steps),
        "edges": [[before, after] for before, after in trace.edges],
        "maker": trace.maker,
        "judge": trace.judge,
        "pinned": list(trace.pinned),
        "present": trace.present,
        "runs": {
            name: {"id": run.id, "at": run.at, "by": run.by, "page": run.page}
            for name, run in trace.runs.items()
        },
    }
