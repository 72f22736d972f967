"""Decide what is to be done with one step, from the results of the steps before it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from mlgitops.core.conditions import holds, inside, named
from mlgitops.core.contracts import meaning
from mlgitops.core.digests import JSON, Digest
from mlgitops.core.elements import elements, partitions
from mlgitops.core.errors import MlgitopsError, SpecError
from mlgitops.core.graphs import makers
from mlgitops.core.keys import Parts, changes, key_of, key_of_latest
from mlgitops.core.plans import Execute, Known, Reuse, Skip, decide, unfollowed, usual, waits
from mlgitops.core.records import Output, Record, from_bytes
from mlgitops.core.results import Results, one_taken, skipped
from mlgitops.core.specs.conditions import Param, Result, parse_condition
from mlgitops.core.specs.pipelines import PinnedSource
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.hermetic import doubted
from mlgitops.flow.promises import promised
from mlgitops.flow.snapshots import key_of_pin, pin_path, read_pin, record_of_pin
from mlgitops.formats import FOLDER
from mlgitops.store import Store

# Of json outputs, what conditions and elements may be read from.
_READABLE = ("json", "jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """The step is as many steps as it has elements."""

    nodes: tuple[Node, ...]


Outlook: TypeAlias = "Node | Each | Skip | Execute"


def look(checkout: Checkout, node: Node, made: Results) -> Outlook:
    """Return the step to decide, its elements, why it is skipped, or what it waits for."""
    pipeline, step = node.pipeline.spec.name, node.step
    gone = skipped(made, makers(step))
    if gone:
        because = f"needs {', '.join(gone)}, skipped"
        return Skip(pipeline=pipeline, step=step.name, because=because)
    try:
        if step.when is not None and not _holds(checkout, node, step.when, made):
            because = f"{step.when} does not hold"
            return Skip(pipeline=pipeline, step=step.name, because=because)
        if step.foreach is None:
            return node
        return Each(nodes=_elements(checkout, node, made))
    except _Unknown as unknown:
        return waits(pipeline, step.name, [unknown.maker])


class _Unknown(Exception):
    """What is asked for is made by a step that has to run first."""

    def __init__(self, maker: str) -> None:
        super().__init__(maker)
        self.maker = maker


def _holds(checkout: Checkout, node: Node, text: str, made: Results) -> bool:
    def value(reference: Param | Result) -> JSON:
        if isinstance(reference, Param):
            return node.pipeline.spec.params[reference.name]
        found = _json(checkout, f"{reference.step}.{reference.output}", made)
        return inside(found, reference.keys, named(reference))

    try:
        return holds(parse_condition(text), value)
    except SpecError as error:
        at = node.mark("when")
        raise SpecError(f"{node.name}: {error.message}", hint=error.hint, at=at) from None


def _elements(checkout: Checkout, node: Node, made: Results) -> tuple[Node, ...]:
    argument, given = next(iter((node.step.foreach or {}).items()))
    values: JSON
    parts: Mapping[str, Digest] | None = None
    if not isinstance(given, str):
        values = given
    elif given.startswith("params."):
        values = node.pipeline.spec.params[given.removeprefix("params.")]
    else:
        values, parts = _output_elements(checkout, given, made)
    if node.step.source is not None:
        raise SpecError(
            f"{node.name} is a source, which has one snapshot and runs once",
            hint="bring all of it in, and go through it in a step that reads it",
            at=node.mark("foreach"),
        )
    if not isinstance(values, list):
        raise SpecError(
            f"{node.name}: {given} is no list, and 'foreach' goes through one",
            at=node.mark("foreach", argument),
        )
    found = elements(argument, values) if parts is None else partitions(argument, parts)
    return tuple(replace(node, element=element) for element in found)


def _output_elements(
    checkout: Checkout, artifact: str, made: Results
) -> tuple[JSON, Mapping[str, Digest] | None]:
    """Return what an output holds, or, of a folder, the names in it with what they hold."""
    maker = artifact.partition(".")[0]
    if maker not in made:
        raise _Unknown(maker)
    output = one_taken(made, artifact)
    if output.format != FOLDER:
        return _json(checkout, artifact, made), None
    parts = checkout.seams.store.tree(output.digest).entries()
    return list(parts), parts


def _json(checkout: Checkout, artifact: str, made: Results) -> JSON:
    """Return what a JSON output holds."""
    maker = artifact.partition(".")[0]
    if maker not in made:
        raise _Unknown(maker)
    output = one_taken(made, artifact)
    if output.format not in _READABLE:
        raise SpecError(
            f"{artifact} is stored as {output.format}, and is looked into here",
            hint=f"store it as {' or '.join(_READABLE)}",
        )
    data = checkout.seams.store.read(output.digest)
    try:
        return _parsed(data.decode(), output.format)
    except (ValueError, RecursionError) as error:
        raise SpecError(
            f"{artifact} is not the JSON that it is declared to be: {error}",
            hint=f"look at what {maker} writes",
        ) from None


def _parsed(text: str, format: str) -> JSON:
    def refuse(word: str) -> JSON:
        raise ValueError(f"{word} is no value in JSON")

    if format == "jsonl":
        lines = [line for line in text.split("\n") if line.strip()]
        return [json.loads(line, parse_constant=refuse) for line in lines]
    value: JSON = json.loads(text, parse_constant=refuse)
    return value


def decide_step(
    checkout: Checkout, node: Node, made: Results, *, because: str | None = None
) -> Reuse | Execute:
    """Return what is to be done with one step when ``made`` are the results before it.

    ``because``: why it runs although its work may be known; sources, which ``refresh`` asks anew,
    do not.
    """
    decision = _decided(checkout, node, made, because)
    if isinstance(decision, Execute) and (unseen := checkout.code(node).unseen):
        return replace(decision, notes=unfollowed(unseen))
    return decision


def _decided(checkout: Checkout, node: Node, made: Results, because: str | None) -> Reuse | Execute:
    pipeline, step = node.pipeline.spec.name, node.step
    missing = [maker for maker in makers(step) if maker not in made]
    if isinstance(step.source, PinnedSource):
        return decide_source(checkout, node, made, missing)
    if missing:
        return waits(pipeline, node.label, missing)
    parts = checkout.parts(node, made)
    key = key_of(parts)
    known = lookup(checkout.seams.store, key, (pipeline, node.label), parts)
    if because is not None and step.source is None:
        return Execute(
            pipeline=pipeline,
            step=node.label,
            key=key,
            because=(because,),
            usual=usual(known),
            parts=parts,
        )
    decided = decide(pipeline, node.label, key, parts, known)
    if isinstance(decided, Reuse) and doubted(node, decided.record):
        why = "it used what it does not declare, and 'hermetic' is strict"
        return Execute(
            pipeline=pipeline,
            step=node.label,
            key=key,
            because=(why,),
            usual=usual(known),
            parts=parts,
        )
    return decided


def decide_source(
    checkout: Checkout, node: Node, made: Results, missing: Sequence[str]
) -> Reuse | Execute:
    """Return what is to be done with a source: what is pinned is taken, whatever its code says."""
    pipeline, step, store = node.pipeline.spec.name, node.step.name, checkout.seams.store
    pin = read_pin(checkout, node)
    if pin is not None:
        key = key_of_pin(node, pin)
        known = lookup(store, key, None)
        held = _is_held(checkout, node, known.record)
        if known.record is not None and not known.missing and held:
            notes = () if missing else _moved_on(node, known.record, checkout.parts(node, made))
            return Reuse(pipeline=pipeline, step=step, record=known.record, notes=notes)
        digest = Digest(pin.digest)
        if store.has(digest) and held:
            record = record_of_pin(node, pin, store.path(digest).stat().st_size)
            return Reuse(pipeline=pipeline, step=step, record=record)
        because = (
            "the rows of its snapshot are to be held against its contract"
            if store.has(digest)
            else f"the bytes of its snapshot are not in the store: asked again as of {pin.as_of}"
        )
    else:
        key = None
        because = f"no snapshot is pinned at {pin_path(node)}"
    if missing:
        return waits(pipeline, step, missing)
    return Execute(pipeline=pipeline, step=step, key=key, because=(because,))


def _is_held(checkout: Checkout, node: Node, record: Record | None) -> bool:
    """Return whether the rows of a snapshot are known to keep the contract as it is now."""
    wanted = contracts_of(checkout, node)
    return not wanted or (record is not None and record.parts.contracts == wanted)


def contracts_of(checkout: Checkout, node: Node) -> dict[str, Digest]:
    """Return what the rows of each output promise."""
    found = promised(checkout.tree, node.folder, node.step)
    return {name: meaning(one) for name, one in found.items()}


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


def lookup(
    store: Store, key: Digest, step: tuple[str, str] | None, parts: Parts | None = None
) -> Known:
    """Return what the store knows of a key; of one that it does not know, what ``step`` did last.

    ``step``: names of the pipeline and the step. ``parts``: what the key was made of.
    """
    record = recall(store, key, parts)
    if record is None:
        latest = None if step is None else recall(store, key_of_latest(*step), here=True)
        return Known(record=None, latest=latest)
    missing = [name for name, output in record.outputs.items() if not _held(store, output)]
    return Known(record=record, missing=tuple(missing))


def _held(store: Store, output: Output) -> bool:
    """Return whether the bytes are here; after a loss of power a blob may be there without them."""
    if output.format == "directory":
        return store.has_tree(output.digest)
    return store.has(output.digest, output.size)


def recall(
    store: Store, key: Digest, parts: Parts | None = None, *, here: bool = False
) -> Record | None:
    """Return the record of a key; None also when it is gone or cannot be read any more.

    ``parts``: what the key was made of, where that is known. ``here``: no remote is asked.
    """
    digest = store.recall(key, here=here)
    if digest is None:
        return None
    try:
        record = from_bytes(store.read(digest), None if parts is None else (key, parts))
    except MlgitopsError:
        return None
    if parts is not None and (record.key != key or {*record.outputs} != {*parts.outputs}):
        return None  # somebody else's claim about other work
    return record
