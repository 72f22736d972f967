"""Say which steps would run, and why. Nothing is written and no step's library is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.graphs import ancestors, step_needs, step_order
from mlgitops.core.keys import Parts, changes, key_of, key_of_latest
from mlgitops.core.plans import Decision, Execute, Known, Plan, Reuse, decide, waits
from mlgitops.core.records import Record, from_bytes
from mlgitops.core.specs.pipelines import PythonSource
from mlgitops.core.unsupported import refuse
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.seams import Seams
from mlgitops.flow.snapshots import key_of_pin, pin_path, read_pin, record_of_pin
from mlgitops.store import Store


def plan(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    *,
    pipeline: str | None = None,
    until: str | None = None,
    force: bool = False,
) -> Plan:
    """Return what ``run`` would do with each step, in an order that it could do it in.

    ``until``: only this step and those that it needs. ``force``: as if nothing were known, except
    of sources, which ``refresh`` asks anew.
    """
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    made: dict[str, dict[str, Record]] = {}
    decisions: list[Decision] = []
    for node in meant(workspace, pipeline, until):
        known = made.setdefault(node.pipeline.spec.name, {})
        decision = decide_step(checkout, node, known, force=force)
        if isinstance(decision, Reuse):
            known[node.step.name] = decision.record
        decisions.append(decision)
    for note in checkout.lock_notes():
        seams.say(f"note: {note}")
    return tuple(decisions)


def meant(workspace: Workspace, pipeline: str | None, until: str | None) -> tuple[Node, ...]:
    """Return ``nodes``; SpecError when one of them says what this version does not do yet."""
    found = nodes(workspace, pipeline, until)
    for located in {node.pipeline.spec.name: node.pipeline for node in found}.values():
        refuse(located, {node.step.name for node in found if node.pipeline is located})
    return found


def nodes(workspace: Workspace, pipeline: str | None, until: str | None) -> tuple[Node, ...]:
    """Return the steps that are meant, each after what it needs; UsageError for no such name."""
    chosen: list[Node] = []
    for name in _pipelines(workspace, pipeline, until):
        located = workspace.pipelines[name]
        wanted = None if until is None else {until, *ancestors(located.spec, until)}
        chosen += [
            Node(pipeline=located, step=step)
            for step in step_order(located.spec)
            if wanted is None or step.name in wanted
        ]
    return tuple(chosen)


def _pipelines(workspace: Workspace, pipeline: str | None, until: str | None) -> Sequence[str]:
    known = workspace.pipelines
    if pipeline is not None and pipeline not in known:
        raise UsageError(f"there is no pipeline {pipeline!r}", hint=_choice(pipeline, known))
    meant = [pipeline] if pipeline is not None else sorted(known)
    if until is None:
        return meant
    having = [name for name in meant if until in step_needs(known[name].spec)]
    if not having:
        steps = [step.name for name in meant for step in known[name].spec.steps]
        raise UsageError(f"there is no step {until!r}", hint=_choice(until, steps))
    if len(having) > 1:
        raise UsageError(
            f"{' and '.join(having)} each have a step {until!r}", hint="name the pipeline too"
        )
    return having


def _choice(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known) or f"there are: {', '.join(known) or 'none'}"


def decide_step(
    checkout: Checkout, node: Node, made: Mapping[str, Record], *, force: bool = False
) -> Decision:
    """Return what is to be done with one step when ``made`` are the results before it."""
    pipeline, step = node.pipeline.spec.name, node.step
    missing = [maker for maker in step_needs(node.pipeline.spec)[step.name] if maker not in made]
    if isinstance(step.source, PythonSource):
        return decide_source(checkout, node, made, missing)
    if missing:
        return waits(pipeline, step.name, missing)
    parts = checkout.parts(node, made)
    key = key_of(parts)
    known = lookup(checkout.seams.store, key, key_of_latest(pipeline, step.name))
    if force and step.source is None:
        return Execute(pipeline=pipeline, step=step.name, key=key, because=("--force",))
    return decide(pipeline, step.name, key, parts, known)


def decide_source(
    checkout: Checkout, node: Node, made: Mapping[str, Record], missing: Sequence[str]
) -> Decision:
    """Return what is to be done with a source: what is pinned is taken, whatever its code says."""
    pipeline, step, store = node.pipeline.spec.name, node.step.name, checkout.seams.store
    pin = read_pin(checkout, node)
    if pin is not None:
        key = key_of_pin(node, pin)
        known = lookup(store, key, None)
        if known.record is not None and not known.missing:
            notes = () if missing else _moved_on(node, known.record, checkout.parts(node, made))
            return Reuse(pipeline=pipeline, step=step, record=known.record, notes=notes)
        digest = Digest(pin.digest)
        if store.has(digest):
            record = record_of_pin(node, pin, store.path(digest).stat().st_size)
            return Reuse(pipeline=pipeline, step=step, record=record)
        because = f"the bytes of its snapshot are not in the store: asked again as of {pin.as_of}"
    else:
        key = None
        because = f"no snapshot is pinned at {pin_path(node)}"
    if missing:
        return waits(pipeline, step, missing)
    return Execute(pipeline=pipeline, step=step, key=key, because=(because,))


def _moved_on(node: Node, record: Record, parts: Parts) -> tuple[str, ...]:
    """Say that a source has changed since its snapshot was taken: that is no reason to run it."""
    if not record.parts.words:
        return ()
    before, now = record.parts, parts
    moved = changes(
        Parts(kind=before.kind, words=before.words, code=before.code, params=before.params),
        Parts(kind=now.kind, words=now.words, code=now.code, params=now.params),
    )
    if not moved:
        return ()
    command = f"`mlgitops refresh {node.pipeline.spec.name} --source {node.step.name}`"
    return (f"{', '.join(moved)} since its snapshot was taken; {command} takes a new one",)


def lookup(store: Store, key: Digest, latest: Digest | None) -> Known:
    """Return what the store knows of a key, and what was done last when it knows nothing."""
    record = recall(store, key)
    if record is None:
        return Known(record=None, latest=None if latest is None else recall(store, latest))
    missing = [name for name, output in record.outputs.items() if not store.has(output.digest)]
    return Known(record=record, missing=tuple(missing))


def recall(store: Store, key: Digest) -> Record | None:
    """Return the record of a key; None also when it is gone or cannot be read any more."""
    digest = store.recall(key)
    if digest is None or not store.has(digest):
        return None
    try:
        return from_bytes(store.read(digest))
    except MlgitopsError:
        return None
