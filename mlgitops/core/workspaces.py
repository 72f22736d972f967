"""All specs of a repository, read together. To hold a ``Workspace`` is to know that its names resolve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlgitops.core.findings import Finding
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
    """What reading gave: the findings, and the workspace when no finding is an error."""

    workspace: Workspace | None
    findings: tuple[Finding, ...]
