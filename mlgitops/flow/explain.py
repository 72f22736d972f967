"""Say why a step runs or does not: every part of its key, and what it was in the nearest record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, assert_never

from mlgitops.core import plans
from mlgitops.core.definitions import is_code, moved
from mlgitops.core.digests import JSON, Digest, parse_digest, short
from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.explaining import Explanation, Line, Made, explained, nearest
from mlgitops.core.keys import Parts, changes, key_of_latest
from mlgitops.core.plans import Decision, Execute, Reuse, Skip
from mlgitops.core.records import Record
from mlgitops.core.specs.pipelines import FileInput
from mlgitops.core.workspaces import Workspace
from mlgitops.flow import ledger
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.deciding import recall
from mlgitops.flow.plan import plan
from mlgitops.flow.seams import Seams

# How far back records and versions of a file are looked for.
_RUNS: Final = 200
_COMMITS: Final = 50


def explain(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    step: str,
    *,
    pipeline: str | None = None,
    params: Mapping[str, JSON] | None = None,
) -> tuple[Explanation, ...]:
    """Return why ``step`` (or ``pipeline.step``) runs or not; of ``foreach``, for each element.

    UsageError when there is no such step, or several pipelines have one.
    """
    owner, dot, name = step.rpartition(".")
    if dot and pipeline is None and owner in workspace.pipelines:
        pipeline, step = owner, name
    label, base = step, step.partition("[")[0]
    found = plan(seams, workspace, root, pipeline=pipeline, until=base, params=params)
    meant = [one for one in found if one.step == label or one.step.startswith(f"{label}[")]
    if not meant:
        there = ", ".join(one.step for one in found if one.step.startswith(f"{base}["))
        raise UsageError(f"there is no step {step!r}", hint=f"there are: {there}")
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    history = _History(seams=seams)
    return tuple(_explained(checkout, history, one) for one in meant)


def _explained(checkout: Checkout, history: _History, decision: Decision) -> Explanation:
    node = checkout.node(decision.pipeline, decision.step.partition("[")[0])
    now = _parts(checkout, node, decision)
    before, because, key = _compared(history, decision, now)
    # What `refresh` brought in by itself knows nothing of code.
    old = before.parts if before is not None and before.parts.words else None
    if old is not None and node.step.source is not None:
        now = replace(now, as_of=old.as_of)  # its snapshot is taken, whenever that was
    lines = [_waiting(line, node) for line in explained(now, old, _notes(checkout, node, now, old))]
    return Explanation(
        pipeline=decision.pipeline,
        step=decision.step,
        action=str(plans.to_json(decision)["action"]),
        because=because,
        key=key,
        lines=tuple(lines),
        record=None if before is None else history.made(before),
        notes=decision.notes,
    )


def _compared(
    history: _History, decision: Decision, now: Parts
) -> tuple[Record | None, tuple[str, ...], Digest | None]:
    """Return the record to compare with, why the step runs or not, and its key."""
    match decision:
        case Reuse(record=record):
            return record, ("nothing changed",), record.key
        case Execute(because=because, key=key):
            before = history.nearest(decision.pipeline, decision.step, now, key)
            if key is None or before is None or before.key == key:
                return before, because, key
            return before, changes(before.parts, now) or because, key
        case Skip(because=reason):
            return None, (reason,), None
        case _:
            assert_never(decision)


def _waiting(line: Line, node: Node) -> Line:
    """Return the line of an input; of one that is not made yet, it says what it waits for."""
    given = node.step.inputs.get(line.name)
    if line.part != "inputs" or line.value is not None or not isinstance(given, str):
        return line
    return replace(line, value=f"known when {given.partition('.')[0]} has run", known=False)


def _parts(checkout: Checkout, node: Node, decision: Decision) -> Parts:
    """Return the parts of the key as they are now; without the inputs that are not made yet."""
    match decision:
        case Reuse(record=record) if node.step.source is None:
            return record.parts
        case Execute(parts=Parts() as parts):
            return parts
        case _:
            files = {
                name: given
                for name, given in node.step.inputs.items()
                if isinstance(given, FileInput)
            }
            return checkout.parts(
                replace(node, step=node.step.model_copy(update={"inputs": files})), {}
            )


def _notes(
    checkout: Checkout, node: Node, now: Parts, before: Parts | None
) -> dict[tuple[str, str], str]:
    """Return where inputs are from, where code stands, and what in it changed."""
    notes = {}
    for name, given in node.step.inputs.items():
        notes["inputs", name] = given.file if isinstance(given, FileInput) else given
    places = checkout.code(node).places
    for name, digest in now.code.items():
        path = places.get(name, name)
        old = None if before is None else before.code.get(name)
        changed = "" if old in (None, digest) else _changed(checkout, path, Digest(old or ""))
        notes["code", name] = "; ".join(filter(None, (path if path != name else "", changed)))
    return notes


def _changed(checkout: Checkout, path: str, old: Digest) -> str:
    """Return what in a file changed since it was as ``old`` says, as far as git knows that."""
    repository, new = checkout.seams.repository, checkout.tree.read(path)
    try:
        for entry in repository.log("HEAD", path, limit=_COMMITS):
            data = repository.file(entry.commit, path)
            if data is not None and new is not None and is_code(data, path, old):
                hint = f"git diff {short(entry.commit)} -- {path}"
                return "; ".join((*moved(data, new, path), hint))
    except MlgitopsError:
        pass  # No commit yet, or an older version that is no Python.
    return "what it was is in no commit"


@dataclass(kw_only=True)
class _History:
    """Records of a step: its newest on this machine, and those that the ledger names."""

    seams: Seams

    def nearest(self, pipeline: str, step: str, now: Parts, key: Digest | None) -> Record | None:
        """Return the record that differs least; the one of ``key`` itself first, if it is there."""
        store = self.seams.store
        keys = (
            [key_of_latest(pipeline, step)] if key is None else [key, key_of_latest(pipeline, step)]
        )
        keys += [one for name, one, _ in self._steps if name == f"{pipeline}.{step}"]
        records = [recall(store, one, here=True) for one in dict.fromkeys(keys)]
        known = {id(one.parts): one for one in records if one is not None}
        found = nearest(now, (one.parts for one in known.values()))
        return None if found is None else known[id(found)]

    def made(self, record: Record) -> Made:
        """Return when and where a record was made."""
        where = next((where for _, key, where in self._steps if key == record.key), "")
        return Made(
            key=record.key, started_at=record.started_at, where=where, wall=record.wall or None
        )

    @cached_property
    def _steps(self) -> Sequence[tuple[str, Digest, str]]:
        """(pipeline.step, key, where) of the steps that ran, newest first."""
        return tuple(self._of_runs())

    def _of_runs(self) -> Iterator[tuple[str, Digest, str]]:
        try:
            runs = ledger.read(self.seams.repository, "run")
        except MlgitopsError:
            return
        for run in reversed(runs[-_RUNS:]):
            body = run.body
            commit = body.get("commit")
            where = [body.get("ci") or body.get("who"), body.get("platform")]
            where.append(f"commit {short(commit)}" if isinstance(commit, str) else None)
            steps = body.get("steps")
            for step in steps if isinstance(steps, list) else ():
                match step:
                    case {"pipeline": pipeline, "step": name, "key": str(key), "action": "execute"}:
                        told = ", ".join(str(one) for one in where if one)
                        yield f"{pipeline}.{name}", parse_digest(key), told
                    case _:
                        pass
