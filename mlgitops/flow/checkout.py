"""One checkout of a repository: its files, and what a step's key is made of in it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlgitops.core import locks
from mlgitops.core.codes import Code, Codes
from mlgitops.core.command_words import filled
from mlgitops.core.contracts import meaning
from mlgitops.core.digests import JSON, Digest, of_bytes
from mlgitops.core.elements import Element
from mlgitops.core.errors import SpecError
from mlgitops.core.keys import Input, Kind, Parts
from mlgitops.core.marks import Mark
from mlgitops.core.queries import meaning_of_query
from mlgitops.core.records import Output
from mlgitops.core.results import Results, digest_of_list, list_of, taken
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import FileInput, FileSource, Pipeline, PythonSource, Step
from mlgitops.core.specs.step_sources import HttpSource, SqlSource
from mlgitops.core.workspaces import Workspace
from mlgitops.files import WorkTree
from mlgitops.files.stats import Stats
from mlgitops.flow.libraries import Libraries
from mlgitops.flow.promises import promised
from mlgitops.flow.seams import Seams

# CPython 3.11 and 3.12 count the depth of all syntax trees in one place: reading two at once ends
# in "SystemError: AST constructor recursion depth mismatch" (python/cpython#106905).
_PARSING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of one pipeline, with the place that it was written at.

    ``element``: which of its elements, of a step with ``foreach``. ``variant``: which pass of a
    backfill, such as ``month=3``; empty otherwise.
    """

    pipeline: Located[Pipeline]
    step: Step
    element: Element | None = None
    variant: str = ""

    @property
    def folder(self) -> str:
        """The pipeline's folder, from the repository's root."""
        return self.pipeline.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """``pipeline.step``, for people."""
        variant = f" ({self.variant})" if self.variant else ""
        return f"{self.pipeline.spec.name}.{self.label}{variant}"

    @property
    def label(self) -> str:
        """The step's name, with its element: ``train[month=3]``."""
        return self.step.name if self.element is None else f"{self.step.name}[{self.element.label}]"

    def mark(self, *keys: str | int) -> Mark:
        """Return where a value of this step stands."""
        names = [step.name for step in self.pipeline.spec.steps]
        return self.pipeline.mark("steps", names.index(self.step.name), *keys)


@dataclass(kw_only=True)
class Checkout:
    """A directory that holds a tree (the work tree, or an exported commit), read as it is now.

    ``keeps``: what reads the file of a source takes it into the store with the same reading.
    ``widest``: how many steps may run side by side, where ``workspace`` has not all specs.
    """

    seams: Seams
    workspace: Workspace
    root: Path
    keeps: bool = False
    widest: int | None = None

    @cached_property
    def tree(self) -> WorkTree:
        """The files."""
        return WorkTree(self.root)

    @cached_property
    def stats(self) -> Stats:
        """The digests of files, as they were seen last; of a tree that stays, not of an export."""
        repository = self.seams.repository
        stays = self.root == repository.root
        return Stats(self.tree, repository.git_dir / "mlgitops/stats" if stays else None)

    @cached_property
    def codes(self) -> Codes:
        """The code, each file read once."""
        return Codes(self.tree, self.libraries.roots)

    def node(self, pipeline: str, step: str) -> Node:
        """Return one step by its names."""
        located = self.workspace.pipelines[pipeline]
        return Node(pipeline=located, step=located.spec.step(step))

    def parts(self, node: Node, made: Results) -> Parts:
        """Return everything that decides the step's result.

        ``made``: the results of the steps that it reads from. Raises SpecError for a module or file
        that is not there.
        """
        step, code = node.step, self.code(node)
        kind, words = self._called(node)
        inputs = dict(self._inputs(node, made))
        outputs = step.stored
        return Parts(
            kind=kind,
            words=words,
            code=code.files,
            params=_params(node),
            inputs=inputs,
            outputs=outputs,
            lock=self._lock(code, kind, outputs, inputs),
            python=self.libraries.python,
            env=tuple(step.env),
            contracts={
                name: meaning(one) for name, one in promised(self.tree, node.folder, step).items()
            },
        )

    def code(self, node: Node, codes: Codes | None = None) -> Code:
        """Return the code of a step; ``codes`` to read it anew."""
        codes = codes or self.codes
        step = node.step
        with _PARSING:
            if step.run is not None:
                return codes.of_function(step.run, node.folder)
            if step.notebook is not None:
                self._required(node, step.notebook, "notebook")
                return codes.of_script(step.notebook, node.folder)
            if step.sql is not None:
                query = self._required(node, step.sql, "sql")
                return _one_file(node, step.sql, meaning_of_query(query))
            match step.source:
                case PythonSource(run=function):
                    return codes.of_function(function, node.folder)
                case SqlSource(query=path):
                    # As it is: a database may name a column by the text of its expression.
                    query = self._required(node, path, "source", "query")
                    return _one_file(node, path, of_bytes(query))
                case _:
                    words = filled(step.command or (), _params(node))
                    return codes.of_command(words, node.folder)

    def _required(self, node: Node, path: str, *keys: str) -> bytes:
        data = self.tree.read(f"{node.folder}/{path}")
        if data is None:
            raise SpecError(
                f"there is no file {path!r}",
                hint=f"it is looked for at {node.folder}/{path}; is it committed?",
                at=node.mark(*keys),
            )
        return data

    def _called(self, node: Node) -> tuple[Kind, tuple[str, ...]]:
        step = node.step
        if step.run is not None:
            return "run", (step.run,)
        if step.command is not None:
            return "command", tuple(step.command)
        if step.notebook is not None:
            return "notebook", (step.notebook,)
        if step.sql is not None:
            return "sql", (step.sql,)
        match step.source:
            case PythonSource(run=function):
                return "source", (function,)
            case SqlSource(connection=connection, query=path):
                return "source", ("sql", connection, path)
            case HttpSource(url=url, headers=headers):
                # No secrets: a spec that has one in clear is refused.
                lines = (f"{name}: {value}" for name, value in sorted(headers.items()))
                return "source", ("http", url, *lines)
            case FileSource(path=path):
                return "file", (path,)
            case _:
                # `plan` and `run` have refused it before (core.unsupported).
                raise SpecError(f"this version does not run {node.name} yet")

    def _inputs(self, node: Node, made: Results) -> Iterator[tuple[str, Input]]:
        for name, given in node.step.inputs.items():
            if isinstance(given, FileInput):
                digest = self.file_digest(node, given.file, "inputs", name)
                yield name, Input(digest=digest, format="path")
                continue
            match taken(made, given):
                case Output(digest=digest, format=format):
                    yield name, Input(digest=digest, format=format)
                case outputs:
                    format = list_of(outputs[0].format if outputs else "json")
                    yield name, Input(digest=digest_of_list(outputs), format=format)
        if node.element is not None and node.element.part is not None:
            yield node.element.argument, Input(digest=node.element.part, format="path")
        if isinstance(node.step.source, FileSource):
            digest = self.file_digest(node, node.step.source.path, "source", "path")
            yield "file", Input(digest=digest, format="path")

    def file_digest(self, node: Node, path: str, *keys: str) -> Digest:
        """Return the digest of a file, or of the names and files of a folder."""
        place = f"{node.folder}/{path}"
        kept = self.keep if self.keeps and isinstance(node.step.source, FileSource) else None
        digest = self.stats.digest(place, kept)
        if digest is None:
            raise SpecError(
                f"there is no file {path!r}",
                hint=f"it is looked for at {place}; is it committed?",
                at=node.mark(*keys),
            )
        return digest

    def keep(self, path: str) -> Digest | None:
        """Take a file of this tree into the store; None when there is none."""
        if self.size(path) is None:
            return None
        return self.seams.store.put_file(self.root / path)

    def size(self, path: str) -> int | None:
        """Return the size of a file of this tree, or None when there is none."""
        handle = self.tree.opened(path)
        if handle is None:
            return None
        try:
            return os.fstat(handle).st_size
        finally:
            os.close(handle)

    # -- environment ------------------------------------------------------------------------

    @cached_property
    def libraries(self) -> Libraries:
        """What steps can import, and what the lock file says of it."""
        return Libraries(tree=self.tree, executable=self.seams.python)

    def _lock(
        self, code: Code, kind: Kind, outputs: Mapping[str, str], inputs: Mapping[str, Input]
    ) -> Mapping[str, str]:
        packages = code.packages
        if kind != "command":
            formats = {*outputs.values(), *(_bare(one.format) for one in inputs.values())}
            packages = packages.union(
                locks.KIND_PACKAGES.get(kind, ()),
                *(locks.FORMAT_PACKAGES.get(one, ()) for one in formats),
            )
        return self.libraries.reached(packages) if packages else {}

    def lock_notes(self) -> Iterator[str]:
        """Yield a sentence for each distribution that is not installed as the lock file says."""
        return self.libraries.notes()


def _params(node: Node) -> dict[str, JSON]:
    params = {name: node.pipeline.spec.params[name] for name in node.step.params}
    if node.element is not None and node.element.part is None:
        params[node.element.argument] = node.element.value
    return params


def _bare(format: str) -> str:
    return format.removeprefix(list_of(""))


def _one_file(node: Node, path: str, digest: Digest) -> Code:
    places = {path: f"{node.folder}/{path}"}
    return Code(files={path: digest}, places=places, packages=frozenset(), unseen=())
