"""All specs of a repository. To hold a ``Workspace`` is to know that every name in it resolves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    draft, wrong = read_draft(tree)
    findings = in_order((*wrong, *check(draft, facts)))
    failed = any(finding.severity == "error" for finding in findings)
    return Checked(workspace=None if failed else _workspace(draft), findings=findings, draft=draft)


def _workspace(draft: Draft) -> Workspace:
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
