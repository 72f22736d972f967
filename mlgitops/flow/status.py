"""Status: which version of each model runs where, what is on its way, and what holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from mlgitops.core.digests import JSON, Digest, parse_digest
from mlgitops.core.errors import GitError, MlgitopsError, Unreachable, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.promotions import Pinned, parse_branch
from mlgitops.core.releases import Head, Version, newest
from mlgitops.core.statuses import Cell, Held, Matrix, Open, Row, Told, cell
from mlgitops.files import WorkTree
from mlgitops.files.memory import Memory, maker
from mlgitops.flow.releases import remarks, tagged
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from mlgitops.core.specs.environments import Pin
    from mlgitops.core.trees import Tree
    from mlgitops.forge import PullRequest


def status(
    seams: Seams, model: str | None = None, *, offline: bool = False, local: bool = False
) -> Matrix:
    """Return the matrix of models and environments on the shared branch.

    ``offline``: as it was last fetched, and the forge is not asked. ``local``: of the work tree,
    committed or not. A remote or forge that does not answer is a note, not an error: what is known
    is better than nothing.
    Raises UsageError for an unknown ``model``, GitError when the branch does not exist yet.
    """
    notes = []
    if not (offline or local):
        try:
            seams.repository.fetch()
        except GitError as error:
            notes.append(f"not up to date: {_first_line(error)}")
    commit = None if local else seams.repository.base(seams.branch)
    told = _read(WorkTree(seams.repository.root)) if commit is None else _told(seams, commit)
    following: Mapping[tuple[str, str], Open] = {}
    if offline:
        notes.append("open pull requests are not shown: the forge was not asked")
    else:
        try:
            following = _open(seams)
        except Unreachable as error:
            notes.append(f"open pull requests are not known: {_first_line(error)}")
    tags = tagged(seams.repository, model)
    notes += remarks(seams.repository, tags.strangers)
    known: dict[str, list[Head]] = {}
    for one in tags.heads:
        known.setdefault(one.model, []).append(one)
    names = sorted({*told.models, *(name for _, name in told.pins)})
    if model is not None and model not in names:
        raise UsageError(
            f"there is no model {model!r}",
            hint=did_you_mean(model, names) or f"there are: {', '.join(names) or 'none'}",
        )
    return Matrix(
        place="the work tree" if commit is None else _place(seams),
        commit=commit,
        environments=told.environments,
        rows=tuple(_row(told, name, following, known) for name in names if model in (None, name)),
        notes=tuple(notes),
    )


def _told(seams: Seams, commit: str) -> Told:
    """Return what the specs of a commit say; it never changes, so it is read once."""
    memory = Memory(seams.repository.common_dir, "told", maker(), commit)
    kept = cast("dict[str, list[list[str]]] | None", memory.recall())
    if kept is not None:
        return Told(
            environments=tuple(name for (name,) in kept["environments"]),
            models=tuple(name for (name,) in kept["models"]),
            pins={
                (place, model): Pinned(version=Version.parse(version), digest=Digest(digest))
                for place, model, version, digest in kept["pins"]
            },
            holds={
                (place, model): Held(by=by, reason=reason)
                for place, model, by, reason in kept["holds"]
            },
        )
    told = _read(seams.repository.tree(commit))
    rows: dict[str, JSON] = {
        "environments": [[name] for name in told.environments],
        "models": [[name] for name in told.models],
        "pins": [[*key, str(pin.version), pin.digest] for key, pin in told.pins.items()],
        "holds": [[*key, hold.by, hold.reason] for key, hold in told.holds.items()],
    }
    memory.keep(rows)
    return told


def _read(tree: Tree) -> Told:
    from mlgitops.core.drafts import folder
    from mlgitops.core.graphs import environment_order
    from mlgitops.flow.workspaces import require_part

    draft = require_part(tree, _tells)
    return Told(
        environments=tuple(
            one.name for one in environment_order(one.spec for one in draft.environments)
        ),
        models=tuple(one.spec.name for one in draft.models),
        pins={(folder(one.path), one.spec.model): _pinned(one.spec) for one in draft.pins},
        holds={
            (folder(one.path), one.spec.model): Held(by=one.spec.by, reason=one.spec.reason)
            for one in draft.holds
        },
    )


def _tells(path: str) -> bool:
    """Pipelines do not tell what runs where, and with hundreds of models they take most time."""
    return path.startswith("environments/") or path.endswith("/model.yaml")


def _first_line(error: MlgitopsError) -> str:
    return error.message.splitlines()[0]


def _place(seams: Seams) -> str:
    remote = seams.repository.remote
    return seams.branch if remote is None else f"{remote}/{seams.branch}"


def _row(
    told: Told,
    model: str,
    following: Mapping[tuple[str, str], Open],
    known: Mapping[str, list[Head]],
) -> Row:
    mine = known.get(model, [])
    cells: dict[str, Cell] = {
        place: cell(
            model,
            place,
            told.pins.get((place, model)),
            told.holds.get((place, model)),
            following.get((place, model)),
            mine,
        )
        for place in told.environments
    }
    return Row(model=model, released=newest(mine), environments=cells)


def _open(seams: Seams) -> dict[tuple[str, str], Open]:
    """Return the open pull requests by (environment, model), a rollback before a promotion."""
    found: dict[tuple[str, str], Open] = {}
    for pull in seams.forge.list(state="open"):
        named = parse_branch(pull.change.head)
        if named is None or pull.change.base != seams.branch:
            continue
        action, environment, model = named
        key = (environment, model)
        if key in found and action == "promote":
            continue
        to = _proposed(seams, pull.head_commit, environment, model)
        found[key] = Open(number=pull.number, action=action, to=to, waits=_waits(pull))
    return found


def _waits(pull: PullRequest) -> tuple[str, ...]:
    for state in ("failure", "pending"):
        found = tuple(check for check in pull.checks if check.state == state)
        if found:
            return tuple(f"{one.name} ({one.detail})" if one.detail else one.name for one in found)
    return ()


def _proposed(seams: Seams, commit: str, environment: str, model: str) -> Pinned | None:
    """Return what the head pins, or None when that commit is not here or holds no readable pin."""
    from mlgitops.core.pins import pin_path, read_as
    from mlgitops.core.specs.environments import Pin

    path = pin_path(environment, model)
    pin = read_as(Pin, seams.repository.file(commit, path), path)
    return None if pin is None else _pinned(pin)


def _pinned(pin: Pin) -> Pinned:
    return Pinned(version=Version.parse(pin.version), digest=parse_digest(pin.digest))
