"""The specs of a tree as far as they can be read, before their names are known to resolve."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from mlgitops.core.errors import NotAllowed
from mlgitops.core.findings import Finding
from mlgitops.core.functions import Functions
from mlgitops.core.marks import Mark
from mlgitops.core.sources import MAX_BYTES, Document, read
from mlgitops.core.specs.base import Located, Spec, is_name
from mlgitops.core.specs.contracts import Contract
from mlgitops.core.specs.environments import Environment, Hold, Pin, Snapshot
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.parsing import meant_by, read_one_of
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.specs.projects import Project
from mlgitops.core.specs.yaml_problems import yaml_findings
from mlgitops.core.trees import Tree

PROJECT_FILE: Final = "mlgitops.yaml"
TEMPLATES: Final = "environments/templates/"
# A file that is wrong from end to end would bury the findings of all others.
MAX_FINDINGS_OF_A_FILE: Final = 50
MAX_TEMPLATE: Final = 50_000

_ENVIRONMENT = r"environments/(?!templates/)[^/]+/"
_KINDS: Final[tuple[tuple[re.Pattern[str], tuple[type[Spec], ...]], ...]] = (
    (re.compile(r"mlgitops\.yaml"), (Project,)),
    (re.compile(r"pipelines/[^/]+/pipeline\.yaml"), (Pipeline, Model)),
    (re.compile(r"pipelines/[^/]+/model\.yaml"), (Model, Pipeline)),
    (re.compile(r"pipelines/[^/]+/snapshots/[^/]+\.yaml"), (Snapshot,)),
    (re.compile(r"pipelines/[^/]+/contracts/[^/]+\.yaml"), (Contract,)),
    (re.compile(rf"{_ENVIRONMENT}environment\.yaml"), (Environment,)),
    (re.compile(rf"{_ENVIRONMENT}pins/[^/]+\.yaml"), (Pin,)),
    (re.compile(rf"{_ENVIRONMENT}holds/[^/]+\.yaml"), (Hold,)),
)

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The specs that could be read.

    ``unreadable``: the files with errors. ``broken``: (kind, name) of the specs with errors that
    still say who they are, and ``unnamed`` the files with others, so that nothing is called
    missing that only could not be read. ``functions`` finds what the specs call. ``files``: the
    sorted paths of all files below ``pipelines`` and ``environments``.
    """

    tree: Tree
    projects: tuple[Located[Project], ...]
    pipelines: tuple[Located[Pipeline], ...]
    models: tuple[Located[Model], ...]
    environments: tuple[Located[Environment], ...]
    pins: tuple[Located[Pin], ...]
    holds: tuple[Located[Hold], ...]
    snapshots: tuple[Located[Snapshot], ...]
    contracts: tuple[Located[Contract], ...]
    templates: Mapping[str, str]
    documents: tuple[Document, ...]
    unreadable: frozenset[str]
    broken: frozenset[tuple[str, str]]
    unnamed: frozenset[str]
    functions: Functions
    files: tuple[str, ...]
    by_name: Mapping[str, Located[Pipeline]]

    def pipeline(self, name: str) -> Located[Pipeline] | None:
        """Return the first pipeline called ``name``."""
        return self.by_name.get(name)

    def has(self, path: str) -> bool:
        """Return whether ``path`` is one of ``files``, or a folder of some."""
        place = bisect_left(self.files, path)
        return self.files[place : place + 1] == (path,) or bool(self.below(path))

    def below(self, folder: str) -> tuple[str, ...]:
        """Return the paths of ``files`` below ``folder``, from there on."""
        start = f"{folder.rstrip('/')}/"
        first = bisect_left(self.files, start)
        last = bisect_left(self.files, f"{start[:-1]}0")  # '0' comes right after '/'
        return tuple(path.removeprefix(start) for path in self.files[first:last])

    def may_have(self, kind: str, name: str) -> bool:
        """Return whether a file with errors may define this ``kind`` of this ``name``."""
        if (kind, name) in self.broken:
            return True
        match kind:
            case "Pipeline":
                return f"pipelines/{name}/pipeline.yaml" in self.unnamed
            case "Model":
                return any(path.startswith("pipelines/") for path in self.unnamed)
            case "Environment":
                return f"environments/{name}/environment.yaml" in self.unnamed
            case _:
                return False


def folder(path: str) -> str:
    """Return the pipeline or environment whose folder ``path`` is in: its second part."""
    return path.split("/")[1]


def kinds_of(path: str) -> tuple[type[Spec], ...]:
    """Return which kinds of spec the file ``path`` holds; none when it is no spec."""
    for pattern, kinds in _KINDS:
        if pattern.fullmatch(path):
            return kinds
    return ()


def read_draft(tree: Tree, only: Container[str] | None = None) -> tuple[Draft, tuple[Finding, ...]]:
    """Read every spec of ``tree``, in whatever state it is, with what is wrong in each file.

    ``only``: leave out the specs that are not among these paths.
    """
    files = tuple(sorted((*tree.paths("environments"), *tree.paths("pipelines"))))
    reader = _Reader(tree, files)
    for path in (*files, PROJECT_FILE):
        if path.startswith(TEMPLATES) or (kinds_of(path) and (only is None or path in only)):
            reader.take(path)
    return reader.draft(), tuple(reader.findings)


@dataclass(slots=True)
class _Reader:
    """Collects specs and findings, one file after the other."""

    tree: Tree
    files: tuple[str, ...]
    specs: list[Located[Spec]] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    broken: set[tuple[str, str]] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)

    def take(self, path: str) -> None:
        """Read one file."""
        start = Mark(path=path)
        try:
            data = self.tree.read(path, MAX_BYTES + 1)
        except NotAllowed as error:
            found = Finding(rule="yaml", message=error.message, hint=error.hint, at=start)
            self._wrong(path, [found])
            self.unnamed.add(path)
            return
        if path.startswith(TEMPLATES):
            self._template(path, data or b"")
        elif data is not None:
            self._specs(path, data)
        elif path == PROJECT_FILE:
            message = "there is no mlgitops.yaml at the root of this repository"
            hint = "'mlgitops init' makes one"
            found = Finding(rule="project-exists", message=message, hint=hint, at=start)
            self._wrong(path, [found])
        else:
            # Listed, and not there when it is read: somebody writes at this moment.
            message, hint = "the file was deleted while it was read", "validate again"
            self._wrong(path, [Finding(rule="yaml", message=message, hint=hint, at=start)])
            self.unnamed.add(path)

    def _specs(self, path: str, data: bytes) -> None:
        reading = read(data, path)
        wrong = yaml_findings(reading, path, kinds_of(path))
        places = {(finding.at.line, finding.at.column) for finding in wrong}
        if not reading.documents:
            self.unnamed.add(path)
            if not wrong:
                hint = f"begin with 'kind: {kinds_of(path)[0].__name__}', or delete the file"
                at = Mark(path=path)
                wrong.append(Finding(rule="yaml", message="the file is empty", hint=hint, at=at))
        for document in reading.documents:
            self.documents.append(document)
            found = read_one_of(document, kinds_of(path), reading.problems)
            if isinstance(found, Located) and not wrong:
                self.specs.append(found)
                continue
            self._remember(document)
            if not isinstance(found, Located):
                # What is certainly meant is judged further, so that one call tells everything.
                meant = None if wrong else meant_by(document, kinds_of(path))
                self.specs += () if meant is None else (meant,)
                # A value that YAML could not give is one finding, not two.
                wrong += [f for f in found if (f.at.line, f.at.column) not in places]
        if wrong:
            self._wrong(path, wrong)

    def _remember(self, document: Document) -> None:
        value = document.value
        kind, name = (value.get("kind"), value.get("name")) if isinstance(value, dict) else (0, 0)
        known = [one.__name__ for one in kinds_of(document.path)]
        if isinstance(kind, str) and kind in known and isinstance(name, str):
            self.broken.add((kind, name))
        # What a name that cannot be one stands for is not known yet.
        if not (isinstance(kind, str) and kind in known and is_name(name)):
            self.unnamed.add(document.path)

    def _template(self, path: str, data: bytes) -> None:
        if len(data) > MAX_TEMPLATE:
            message = f"the template has more than {MAX_TEMPLATE:,} bytes"
            found = Finding(
                rule="yaml", message=message, hint="make several of it", at=Mark(path=path)
            )
            self._wrong(path, [found])
            return
        try:
            self.templates[path.removeprefix(TEMPLATES)] = data.decode()
        except UnicodeDecodeError:
            message, hint = "the file is not UTF-8 text", "save it as UTF-8"
            self._wrong(
                path, [Finding(rule="yaml", message=message, hint=hint, at=Mark(path=path))]
            )

    def _wrong(self, path: str, findings: list[Finding]) -> None:
        self.unreadable.add(path)
        shown = findings[:MAX_FINDINGS_OF_A_FILE]
        if len(findings) > len(shown):
            more = len(findings) - len(shown)
            message, hint = (
                f"and {more:,} more in this file",
                "repair the first ones, then look again",
            )
            shown.append(
                Finding(rule="yaml", message=message, hint=hint, at=findings[len(shown)].at)
            )
        self.findings += shown

    def draft(self) -> Draft:
        """Return what was read."""
        return Draft(
            tree=self.tree,
            projects=self._of(Project),
            pipelines=self._of(Pipeline),
            models=self._of(Model),
            environments=self._of(Environment),
            pins=self._of(Pin),
            holds=self._of(Hold),
            snapshots=self._of(Snapshot),
            contracts=self._of(Contract),
            templates=self.templates,
            documents=tuple(self.documents),
            unreadable=frozenset(self.unreadable),
            broken=frozenset(self.broken),
            unnamed=frozenset(self.unnamed),
            functions=Functions(self.tree),
            files=self.files,
            by_name={one.spec.name: one for one in reversed(self._of(Pipeline))},
        )

    def _of(self, kind: type[S]) -> tuple[Located[S], ...]:
        return tuple(
            Located(spec=one.spec, document=one.document)
            for one in self.specs
            if isinstance(one.spec, kind)
        )
