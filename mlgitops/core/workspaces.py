"""All specs of a repository. To hold a ``Workspace`` is to know that every name in it resolves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from mlgitops.core.errors import SpecError
from mlgitops.core.findings import Finding, did_you_mean, in_order
from mlgitops.core.sources import Document, Mark, parse
from mlgitops.core.specs.base import Located, Spec
from mlgitops.core.specs.environments import Environment, Hold, Pin, Snapshot
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.specs.projects import Project
from mlgitops.core.trees import Tree

PROJECT_FILE = "mlgitops.yaml"

S = TypeVar("S", bound=Spec)


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
class Draft:
    """The specs that could be read, before their names are known to resolve.

    ``unreadable``: the files with errors, so that nothing that they might define is called missing.
    """

    tree: Tree
    projects: tuple[Located[Project], ...]
    pipelines: tuple[Located[Pipeline], ...]
    models: tuple[Located[Model], ...]
    environments: tuple[Located[Environment], ...]
    pins: tuple[Located[Pin], ...]
    holds: tuple[Located[Hold], ...]
    snapshots: tuple[Located[Snapshot], ...]
    templates: Mapping[str, str]
    unreadable: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What reading gave: the findings, and the workspace when no finding is an error."""

    workspace: Workspace | None
    findings: tuple[Finding, ...]
    draft: Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Which kinds of spec stand in files of this form."""

    pattern: re.Pattern[str]
    kinds: tuple[type[Spec], ...]


_PLACES = (
    _Place(pattern=re.compile(r"mlgitops\.yaml"), kinds=(Project,)),
    _Place(pattern=re.compile(r"pipelines/[^/]+/(pipeline|model)\.yaml"), kinds=(Pipeline, Model)),
    _Place(pattern=re.compile(r"pipelines/[^/]+/snapshots/[^/]+\.yaml"), kinds=(Snapshot,)),
    _Place(
        pattern=re.compile(r"environments/(?!templates/)[^/]+/environment\.yaml"),
        kinds=(Environment,),
    ),
    _Place(pattern=re.compile(r"environments/(?!templates/)[^/]+/pins/[^/]+\.yaml"), kinds=(Pin,)),
    _Place(
        pattern=re.compile(r"environments/(?!templates/)[^/]+/holds/[^/]+\.yaml"), kinds=(Hold,)
    ),
)


@dataclass(slots=True)
class _Reader:
    """Collects specs by kind, and findings."""

    tree: Tree
    specs: list[Located[Spec]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    templates: dict[str, str] = field(default_factory=dict)

    def read(self, path: str, place: _Place) -> None:
        try:
            documents = parse(self.tree.read(path) or b"", path)
        except SpecError as error:
            self._wrong(path, _unreadable(error, path))
            return
        if not documents:
            self._wrong(path, Finding(rule="yaml", message="the file is empty", at=Mark(path=path)))
        for document in documents:
            found = _read_document(document, place.kinds)
            if isinstance(found, Located):
                self.specs.append(found)
            else:
                self._wrong(path, *found)

    def read_template(self, path: str) -> None:
        data = self.tree.read(path) or b""
        try:
            self.templates[path.removeprefix("environments/templates/")] = data.decode()
        except UnicodeDecodeError:
            self._wrong(path, Finding(rule="yaml", message="not UTF-8 text", at=Mark(path=path)))

    def _wrong(self, path: str, *findings: Finding) -> None:
        self.unreadable.add(path)
        self.findings.extend(findings)

    def draft(self) -> Draft:
        def of(kind: type[S]) -> tuple[Located[S], ...]:
            return tuple(
                Located(spec=one.spec, document=one.document)
                for one in self.specs
                if isinstance(one.spec, kind)
            )

        return Draft(
            tree=self.tree,
            projects=of(Project),
            pipelines=of(Pipeline),
            models=of(Model),
            environments=of(Environment),
            pins=of(Pin),
            holds=of(Hold),
            snapshots=of(Snapshot),
            templates=self.templates,
            unreadable=frozenset(self.unreadable),
        )


def load(tree: Tree) -> Checked:
    """Read every spec of ``tree``, in whatever state it is; findings in order of their place."""
    reader = _Reader(tree)
    for path in sorted((*tree.paths("pipelines"), *tree.paths("environments"), PROJECT_FILE)):
        if path == PROJECT_FILE and tree.read(path) is None:
            reader.findings.append(
                Finding(
                    rule="project-exists",
                    message="there is no mlgitops.yaml at the root of this repository",
                    hint="'mlgitops init' makes one",
                    at=Mark(path=PROJECT_FILE),
                )
            )
            continue
        if path.startswith("environments/templates/"):
            reader.read_template(path)
            continue
        for place in _PLACES:
            if place.pattern.fullmatch(path):
                reader.read(path, place)
    draft, findings = reader.draft(), in_order(reader.findings)
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


def folder(path: str) -> str:
    """Return the pipeline or environment whose folder ``path`` is in: its second part."""
    return path.split("/")[1]


def _read_document(
    document: Document, kinds: tuple[type[Spec], ...]
) -> Located[Spec] | tuple[Finding, ...]:
    by_name = {kind.__name__: kind for kind in kinds}
    value = document.value
    if not isinstance(value, dict):
        message = f"a {' or '.join(by_name)} is a mapping of keys to values"
        return (Finding(rule="type", message=message, at=document.mark()),)
    kind = value.get("kind")
    if "kind" not in value and len(kinds) == 1:
        return read_spec(document, kinds[0])
    if not isinstance(kind, str) or kind not in by_name:
        words = f"no 'kind' is given: this file holds {' or '.join(by_name)}"
        if "kind" in value:
            words = f"the kind here is {' or '.join(by_name)}, not {kind!r}"
        hint = did_you_mean(str(kind), by_name)
        return (Finding(rule="kind", message=words, hint=hint, at=document.mark("kind")),)
    return read_spec(document, by_name[kind])


def _unreadable(error: SpecError, path: str) -> Finding:
    return Finding(
        rule="yaml", message=error.message, hint=error.hint, at=error.at or Mark(path=path)
    )
