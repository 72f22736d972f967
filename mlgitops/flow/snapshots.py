"""Pins of what sources brought in: ``pipelines/<name>/snapshots/<source>.yaml``."""

from __future__ import annotations

from datetime import datetime

from mlgitops.core.digests import Digest, parse_digest
from mlgitops.core.errors import SpecError
from mlgitops.core.keys import Parts, key_of_snapshot
from mlgitops.core.marks import Mark
from mlgitops.core.records import Output, Record
from mlgitops.core.sources import parse
from mlgitops.core.specs.environments import Snapshot
from mlgitops.core.specs.pipelines import PinnedSource
from mlgitops.flow.checkout import Checkout, Node

_HEAD = (
    "# Written by mlgitops: a change here is a change of data. `mlgitops refresh` takes a new one."
)


def pin_path(node: Node) -> str:
    """Return where the pin of a source stands, from the repository's root."""
    return f"{node.folder}/snapshots/{node.step.name}.yaml"


def read_pin(checkout: Checkout, node: Node) -> Snapshot | None:
    """Return the pin of a source as it stands in the tree now; SpecError when it is unreadable."""
    import pydantic

    path = pin_path(node)
    data = checkout.tree.read(path)
    if data is None:
        return None
    documents = parse(data, path)
    try:
        return Snapshot.model_validate(documents[0].value if documents else None)
    except pydantic.ValidationError as error:
        raise SpecError(
            f"not a snapshot: {error.errors()[0]['msg']}",
            hint="`mlgitops refresh` writes it anew",
            at=documents[0].mark(*error.errors()[0]["loc"]) if documents else Mark(path=path),
        ) from None


def pin_bytes(pin: Snapshot) -> bytes:
    """Return the text of a pin, as it is committed."""
    lines = [
        _HEAD,
        f"apiVersion: {pin.apiVersion}",
        f"kind: {pin.kind}",
        f"source: {pin.source}",
        f'as_of: "{pin.as_of}"',
        f"rows: {pin.rows}",
        f"digest: {pin.digest}",
    ]
    if pin.content is not None:
        lines.append(f"content: {pin.content}")
    return "\n".join([*lines, ""]).encode()


def pin_of(node: Node, record: Record, as_of: str) -> Snapshot:
    """Return the pin of what a source brought in."""
    output = only_output(record)
    return Snapshot(
        apiVersion="mlgitops/v1",
        kind="Snapshot",
        source=node.step.name,
        as_of=as_of,
        rows=output.rows or 0,
        digest=output.digest,
        content=output.content,
    )


def key_of_pin(node: Node, pin: Snapshot) -> Digest:
    """Return the key of a pinned source."""
    output = next(iter(node.step.outputs))
    return key_of_snapshot(pin.digest, pin.as_of, output, only_format(node))


def record_of_pin(node: Node, pin: Snapshot, size: int) -> Record:
    """Return what a pin alone says of its source, where nobody knows how the bytes were made."""
    output = next(iter(node.step.outputs))
    content = None if pin.content is None else parse_digest(pin.content)
    made = Output(
        digest=parse_digest(pin.digest),
        format=only_format(node),
        size=size,
        rows=pin.rows,
        content=content,
    )
    return Record(
        pipeline=node.pipeline.spec.name,
        step=node.step.name,
        key=key_of_pin(node, pin),
        parts=Parts(kind="source", outputs={output: made.format}, as_of=pin.as_of),
        outputs={output: made},
        started_at=pin.as_of,
    )


def same_rows(pin: Snapshot, output: Output) -> bool:
    """Return whether a source brought in what is pinned, byte for byte or row for row."""
    return pin.digest == output.digest or (
        pin.content is not None and pin.content == output.content
    )


def moment(checkout: Checkout, node: Node) -> str:
    """Return the as-of time of a new snapshot: the source's own, or now (UTC)."""
    source = node.step.source
    if isinstance(source, PinnedSource) and source.as_of is not None:
        return source.as_of
    return iso(checkout.seams.clock())


def iso(time: datetime) -> str:
    """Return a UTC time as it is written in pins and records."""
    return time.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def only_output(record: Record) -> Output:
    """Return the one output of a source."""
    return next(iter(record.outputs.values()))


def only_format(node: Node) -> str:
    """Return the format of a source's one output."""
    return next(iter(node.step.outputs.values())).format
