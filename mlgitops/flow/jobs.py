"""The directory and the command of one step: everything that its process is given, and no more."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from mlgitops.core.contracts import Contract, meaning
from mlgitops.core.digests import JSON, Digest, canonical, of_value
from mlgitops.core.errors import Refused, TryLater
from mlgitops.core.keys import Parts
from mlgitops.core.records import Output
from mlgitops.core.results import Results, one_taken, taken
from mlgitops.core.specs.base import seconds
from mlgitops.core.specs.pipelines import FileInput, FileSource
from mlgitops.core.specs.step_sources import HttpSource, SqlSource, variables
from mlgitops.executor import Job
from mlgitops.executor.tasks import LIST, Given, Task, write_task
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.preparing import forked, worker_of
from mlgitops.flow.promises import promised
from mlgitops.formats import FOLDER, SUFFIXES, UNREAD

# What is in a job's directory: where it runs, what it may litter, what it is given and makes.
FOLDERS: Final = ("work", "home", "inputs", "outputs")

_PLACEHOLDER = re.compile(r"\{(inputs|outputs|params)\.(\w+)\}")
_THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
# How this machine reaches the network: a web server is asked by way of it.
_PROXIES: Final = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One step to do: what decides its result, what is before it, and how many cores it may use.

    ``kind``: of a function, whether it makes what the step says, or is a custom metric.

    ``gpus``: the graphics processors that it may use; None: this machine has none. ``stopped``: set
    when the run is given up.
    """

    node: Node
    parts: Parts
    made: Results
    threads: int
    kind: Literal["call", "measure"] = "call"
    gpus: tuple[str, ...] | None = None
    stopped: threading.Event = field(default_factory=threading.Event)


def output_place(directory: Path, name: str, format: str) -> Path:
    """Return the file of an output in a job's directory."""
    return Path(f"{directory}/outputs/{name}{SUFFIXES[format]}")


def prepare(checkout: Checkout, work: Work, directory: Path, attempt: int) -> Job:
    """Fill the empty ``FOLDERS`` of ``directory`` and return the job, ready to run in it."""
    given = _inputs(checkout, work, directory)
    prepared = None
    if work.node.step.command is not None:
        argv = _command(checkout, work, directory, given)
    else:
        task = _task(checkout, work, directory, given)
        argv = worker(checkout, write_task(task, directory))
        formats = {*work.parts.outputs.values(), *(one.format for one in given.values())}
        if forked(work.node):
            prepared = worker_of(checkout, work.node, formats, calls=True)
    return Job(
        name=work.node.name,
        argv=argv,
        directory=directory / "work",
        environment={**environment(checkout, work.node, directory, work.threads), **_gpus(work)},
        log=directory / f"log-{attempt}",
        timeout=seconds(work.node.step.timeout),
        worker=prepared,
    )


def _gpus(work: Work) -> dict[str, str]:
    """Return what keeps a step to its graphics processors, on a machine that has some."""
    return {} if work.gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(work.gpus)}


def describing(checkout: Checkout, work: Work, directory: Path, names: list[str]) -> Job:
    """Return the job that reads outputs which a command or a file source left, and checks them."""
    inner = directory / "described"
    inner.mkdir(exist_ok=True)
    task = Task(
        kind="describe",
        root=str(checkout.root),
        folder=str(checkout.root / work.node.folder),
        directory=str(directory / "outputs"),
        outputs={name: work.parts.outputs[name] for name in names},
        inputs={},
        params={},
        contracts=_contracts(checkout, work, names),
    )
    return Job(
        name=work.node.name,
        argv=worker(checkout, write_task(task, inner)),
        directory=directory / "work",
        environment=environment(checkout, work.node, directory, work.threads),
        log=inner / "log",
        timeout=seconds(work.node.step.timeout),
        worker=worker_of(checkout, work.node, set(task.outputs.values()), calls=False),
    )


def worker(checkout: Checkout, task: Path) -> tuple[str, ...]:
    """Return the command of a worker; -P: what lies in its directory is no module."""
    return (checkout.seams.python, "-P", "-m", "mlgitops.executor.worker", str(task))


def _task(checkout: Checkout, work: Work, directory: Path, given: Mapping[str, Given]) -> Task:
    node, parts = work.node, work.parts
    declared = [*checkout.code(node).places.values()]
    for one in node.step.inputs.values():
        if isinstance(one, FileInput):
            path = f"{node.folder}/{one.file}"
            declared.append(f"{path}/" if (checkout.root / path).is_dir() else path)
    task = Task(
        kind=work.kind,
        root=str(checkout.root),
        folder=str(checkout.root / node.folder),
        directory=str(directory / "outputs"),
        outputs=parts.outputs,
        function=parts.words[0],
        inputs=given,
        params=parts.params,
        as_of=parts.as_of,
        declared=tuple(declared),
        contracts=_contracts(checkout, work, parts.outputs),
    )
    return _of_its_kind(task, node)


def _contracts(checkout: Checkout, work: Work, names: Collection[str]) -> dict[str, Contract]:
    """Return the contracts of some outputs, which are those that the step's key counts."""
    node = work.node
    found = promised(checkout.tree, node.folder, node.step)
    if {name: meaning(one) for name, one in found.items()} != work.parts.contracts:
        raise changed_meanwhile(node, "a contract")
    return {name: one for name, one in found.items() if name in names}


def _of_its_kind(task: Task, node: Node) -> Task:
    step = node.step
    if step.sql is not None:
        # One thread, unless the step asks for more: see ``executor.queries``.
        threads = max(1, int(step.resources.cpu or 1))
        return replace(task, kind="query", file=f"{node.folder}/{step.sql}", threads=threads)
    if step.notebook is not None:
        return replace(task, kind="notebook", file=f"{node.folder}/{step.notebook}")
    match step.source:
        case HttpSource(url=url, headers=headers):
            return replace(task, kind="http", options={"url": url, "headers": dict(headers)})
        case SqlSource(connection=connection, query=path):
            options: dict[str, JSON] = {"connection": connection}
            return replace(task, kind="sql", file=f"{node.folder}/{path}", options=options)
        case _:
            return task


def _inputs(checkout: Checkout, work: Work, directory: Path) -> dict[str, Given]:
    """Return where each input stands.

    A command and a notebook get copies, for they could write to what they are given. Those of a
    notebook are below its own folder: its cells name them.
    """
    found: dict[str, Given] = {}
    step = work.node.step
    folder = directory / "inputs"
    if step.notebook is not None:
        folder = directory / "work/inputs"
        folder.mkdir(exist_ok=True)
    copied = step.command is not None or step.notebook is not None
    for name, one in step.inputs.items():
        if isinstance(one, FileInput):
            wanted = work.parts.inputs[name].digest
            path = _copy(checkout, work.node, one.file, folder / name, wanted)
            found[name] = Given(path=str(path), format="path")
            continue
        match taken(work.made, one):
            case Output() as made:
                goal = Path(f"{folder}/{name}{SUFFIXES[made.format]}")
                found[name] = _given(checkout, made, goal, copied=copied)
            case several:
                place = folder / name
                place.mkdir()
                items = tuple(
                    _given(
                        checkout,
                        made,
                        place / f"{number:04d}{SUFFIXES[made.format]}",
                        copied=copied,
                    )
                    for number, made in enumerate(several)
                )
                found[name] = Given(path=str(place), format=LIST, items=items)
    element = work.node.element
    if element is not None and element.part is not None:
        place = folder / element.argument
        whole = one_taken(work.made, str((step.foreach or {})[element.argument]))
        checkout.seams.store.place_tree(whole.digest, place, only=str(element.value))
        path = place / str(element.value)
        found[element.argument] = Given(path=str(path), format="path")
    return found


def _given(checkout: Checkout, made: Output, goal: Path, *, copied: bool) -> Given:
    """Return where an output stands: a copy at ``goal``, or in the store.

    A folder always is a copy: a function gets its path, and may write to it.
    """
    store = checkout.seams.store
    if made.format == FOLDER:
        store.place_tree(made.digest, goal)
    elif copied:
        store.place(made.digest, goal)
    else:
        goal = store.path(made.digest)
    return Given(path=str(goal), format=made.format, types=made.types)


def _copy(checkout: Checkout, node: Node, file: str, goal: Path, wanted: Digest) -> Path:
    """Copy a file or folder of the repository below ``goal`` under its own name."""
    source, place = f"{node.folder}/{file}", goal / Path(file).name
    goal.mkdir()
    digest = checkout.tree.copy(source, place)
    if digest is None:
        inside: dict[str, str] = {}
        folders: set[Path] = set()
        for path, _ in checkout.tree.stamps(source):
            folder = (place / path).parent
            if folder not in folders:
                folder.mkdir(parents=True, exist_ok=True)
                folders.add(folder)
            copied = checkout.tree.copy(f"{source}/{path}", place / path)
            if copied is not None:
                inside[path] = str(copied)
        digest = of_value(dict(inside))
    if digest != wanted:
        raise changed_meanwhile(node, file)
    return place


def changed_meanwhile(node: Node, what: str) -> TryLater:
    """Return the error for a file that was edited while it was used."""
    return TryLater(
        f"{what} changed while {node.name} ran: its result is not kept", hint="run it again"
    )


def take_file(checkout: Checkout, work: Work, directory: Path) -> tuple[Digest, int] | None:
    """Take the file of a file source into the store; return its digest and its size.

    Where it is read after that, it stands as the output; so does a folder, which is not taken here.
    """
    source = work.node.step.source
    assert isinstance(source, FileSource)
    wanted = work.parts.inputs["file"].digest
    name, format = next(iter(work.parts.outputs.items()))
    place, file = output_place(directory, name, format), f"{work.node.folder}/{source.path}"
    size = checkout.size(file)
    if size is None and format == FOLDER:
        digest = checkout.seams.store.put_tree(checkout.root / file)
        made = checkout.seams.store.tree(digest)
        if of_value({path: str(one.digest) for path, one in made.files.items()}) == wanted:
            place.symlink_to(checkout.root / file)  # to be looked at
            return digest, made.size
    if size is None:
        folder = _copy(checkout, work.node, source.path, directory / "inputs" / "file", wanted)
        folder.replace(place)
        return None
    store = checkout.seams.store
    if not store.has(wanted, size) and checkout.keep(file) != wanted:
        raise changed_meanwhile(work.node, source.path)
    if format not in UNREAD:
        place.symlink_to(store.path(wanted))
    return wanted, size


def _command(
    checkout: Checkout, work: Work, directory: Path, given: Mapping[str, Given]
) -> tuple[str, ...]:
    """Return the command's words with the placeholders filled in; its files stand beside it."""
    node, parts = work.node, work.parts
    for name, path in checkout.code(node).places.items():
        goal = directory / "work" / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout.root / path, goal)
    values: dict[str, str] = {f"inputs.{name}": one.path for name, one in given.items()}
    for name, format in parts.outputs.items():
        place = output_place(directory, name, format)
        if format == FOLDER:
            place.mkdir()
        values[f"outputs.{name}"] = str(place)
    for name, value in parts.params.items():
        text = value if isinstance(value, str) else canonical(value).decode()
        values[f"params.{name}"] = text

    def fill(match: re.Match[str]) -> str:
        what = f"{match[1]}.{match[2]}"
        if what not in values:
            raise Refused(
                f"the command of {node.name} names {match[0]}, which the step does not declare",
                hint=f"it declares {', '.join(values)}",
            )
        return values[what]

    return tuple(_PLACEHOLDER.sub(fill, word) for word in parts.words)


def environment(checkout: Checkout, node: Node, directory: Path, threads: int) -> dict[str, str]:
    """Return the whole environment of a step's process.

    The seed of string hashing is fixed, and the time zone: the order of a set or a local date must
    not change what a step makes.
    """
    python, home = os.path.dirname(checkout.seams.python), f"{directory}/home"  # noqa: PTH120
    env = {
        "PATH": os.pathsep.join((python, os.environ.get("PATH", os.defpath))),
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **{name: str(threads) for name in _THREADS},
        # Spinning while it waits for its other threads makes a fit ten times slower on busy cores.
        "OMP_WAIT_POLICY": "PASSIVE",
        "ORT_DISABLE_TELEMETRY": "1",
    }
    if node.step.command is not None:
        env["PYTHONPATH"] = f"{directory}/work"
    if isinstance(node.step.source, HttpSource):
        env |= {name: os.environ[name] for name in _PROXIES if name in os.environ}
    for name in (*node.step.env, *variables(node.step.source)):
        if name not in os.environ:
            raise Refused(
                f"{node.name} needs the environment variable {name}, and it is not set",
                hint=f"export {name}=…",
            )
        env[name] = os.environ[name]
    return env
