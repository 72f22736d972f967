"""Take new snapshots of a pipeline's sources. New data is a change that somebody reviews."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlgitops.core.errors import UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.graphs import step_needs
from mlgitops.core.records import Record
from mlgitops.core.specs.environments import Snapshot
from mlgitops.core.specs.pipelines import PinnedSource
from mlgitops.core.unsupported import refuse
from mlgitops.core.workspaces import Workspace
from mlgitops.files import write_whole
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.choosing import threads_of
from mlgitops.flow.performing import take_snapshot
from mlgitops.flow.push import push_records
from mlgitops.flow.run import artifact
from mlgitops.flow.seams import Seams
from mlgitops.flow.snapshots import iso, pin_bytes, pin_path, read_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What became of one source's pin. ``wrote``: the rows are others, and the pin was moved."""

    source: str
    path: str
    old: Snapshot | None
    new: Snapshot
    wrote: bool


def refresh(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    pipeline: str,
    source: str | None = None,
    as_of: str | None = None,
) -> list[Refreshed]:
    """Bring in each source of ``pipeline`` (or the one) anew, and pin it where its rows are others.

    ``as_of``: the moment (UTC, ISO 8601), now without it. Bytes are stored before a pin is written.
    """
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    refreshed = []
    for name in sources(workspace, pipeline, source):
        node = checkout.node(pipeline, name)
        old = read_pin(checkout, node)
        new, text = snapshot(seams, workspace, root, pipeline, name, as_of)
        wrote = old is None or not same_pin(old, new)
        if wrote:
            write_whole(root / pin_path(node), text)
        refreshed.append(Refreshed(source=name, path=pin_path(node), old=old, new=new, wrote=wrote))
    return refreshed


def snapshot(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    pipeline: str,
    step: str,
    as_of: str | None = None,
) -> tuple[Snapshot, bytes]:
    """Bring in one source as of ``as_of`` (now without it) and store its bytes.

    Return the new pin and its text for the file ``pin_path``; nothing is written in ``root``.
    """
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    node = checkout.node(pipeline, step)
    refuse(node.pipeline, {step})
    moment = as_of or iso(seams.clock())
    seams.say(f"{node.name}: asked for its rows as of {moment}")
    made = _made(checkout, node)
    pin, record = take_snapshot(checkout, node, made, moment, threads_of(checkout))
    # Before the pin, which others read: it must not name what only this machine has.
    push_records(seams, [record])
    seams.say(f"{node.name}: {pin.rows:,} rows")
    return pin, pin_bytes(pin)


def sources(workspace: Workspace, pipeline: str, source: str | None = None) -> tuple[str, ...]:
    """Return the steps of ``pipeline`` whose rows are pinned, or the one; UsageError for no such.

    A source that is a file of the repository needs no pin: the commit pins it.
    """
    if pipeline not in workspace.pipelines:
        raise UsageError(
            f"there is no pipeline {pipeline!r}",
            hint=did_you_mean(pipeline, workspace.pipelines)
            or f"there are: {', '.join(workspace.pipelines) or 'none'}",
        )
    located = workspace.pipelines[pipeline]
    steps = located.spec.steps
    # A source that cannot be asked yet is not left out as if it had nothing new.
    refuse(located, {step.name for step in steps if step.source is not None})
    names = tuple(step.name for step in steps if isinstance(step.source, PinnedSource))
    if source is None:
        return names
    if source not in names:
        raise UsageError(
            f"{pipeline!r} has no source {source!r} with a snapshot",
            hint=did_you_mean(source, names) or f"it has: {', '.join(names) or 'none'}",
        )
    return (source,)


def same_pin(old: Snapshot, new: Snapshot) -> bool:
    """Return whether two pins name the same rows."""
    return old.digest == new.digest or (old.content is not None and old.content == new.content)


def _made(checkout: Checkout, node: Node) -> dict[str, Record]:
    """Return the records of the steps that a source reads from; what has to run for them is run."""
    pipeline = node.pipeline.spec
    made = {}
    for maker in step_needs(pipeline)[node.step.name]:
        output = next(iter(pipeline.step(maker).outputs))
        name = f"{maker}.{output}"
        made[maker] = artifact(checkout, pipeline.name, name).record
    return made
