"""All specs of a repository. To hold a ``Workspace`` is to know that every name in it resolves."""

from __future__ import annotations

import gc
from collections.abc import Container, Mapping
from dataclasses import dataclass

from mlgitops.core import budgets
from mlgitops.core.drafts import Draft, folder, read_draft
from mlgitops.core.facts import NO_FACTS, Facts
from mlgitops.core.findings import Finding, in_order
from mlgitops.core.rules import check
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.environments import Environment, Hold, Pin, Snapshot
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.specs.projects import Project
from mlgitops.core.trees import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The specs by name. Pins and holds are keyed (environment, model), snapshots (pipeline, step).

    ``templates``: the repository's own manifest templates, ``<target>/<file>`` to text.
    """

    tree: Tree
    project: Located[Project]
    pipelines: Mapping[str, Located[Pipeline]]
    models: Mapping[str, Located[Model]]
    environments: Mapping[str, Located[Environment]]
    pins: Mapping[tuple[str, str], Located[Pin]]
    holds: Mapping[tuple[str, str], Located[Hold]]
    snapshots: Mapping[tuple[str, str], Located[Snapshot]]
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What reading and every rule gave, in order of place; the workspace when nothing is an error.

    ``draft`` is there in any case: the specs that could be read.
    """

    workspace: Workspace | None
    findings: tuple[Finding, ...]
    draft: Draft


def load(tree: Tree, facts: Facts = NO_FACTS) -> Checked:
    """Read every spec of ``tree``, in whatever state it is, and hold it against every rule."""
    draft, findings = _checked(tree, facts, None)
    failed = any(finding.severity == "error" for finding in findings)
    return Checked(
        workspace=None if failed else workspace_of(draft), findings=findings, draft=draft
    )


def check_part(tree: Tree, facts: Facts, only: Container[str]) -> tuple[Finding, ...]:
    """Return what is found when of the specs of ``tree`` only those at the paths ``only`` are read.

    What names a spec that was left out is found wrong, too.
    """
    return _checked(tree, facts, only)[1]


def _checked(
    tree: Tree, facts: Facts, only: Container[str] | None
) -> tuple[Draft, tuple[Finding, ...]]:
    # Nothing here is garbage before the end, and looking for some takes a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with budgets.bounded():
            draft, wrong = read_draft(tree, only)
            return draft, in_order((*wrong, *check(draft, facts)))
    finally:
        if collecting:
            gc.enable()


def workspace_of(draft: Draft) -> Workspace:
    """Return the specs of ``draft`` by name. Who calls it knows that no rule is broken."""
    return Workspace(
        tree=draft.tree,
        project=draft.projects[0],
        pipelines={one.spec.name: one for one in draft.pipelines},
        models={one.spec.name: one for one in draft.models},
        environments={one.spec.name: one for one in draft.environments},
        pins={(folder(one.path), one.spec.model): one for one in draft.pins},
        holds={(folder(one.path), one.spec.model): one for one in draft.holds},
        snapshots={(folder(one.path), one.spec.source): one for one in draft.snapshots},
        templates=draft.templates,
    )
