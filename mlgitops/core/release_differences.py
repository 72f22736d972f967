"""What differs between two releases: data, code, parameters, signature, metrics, cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from mlgitops.core.digests import JSON, short
from mlgitops.core.gates import Compared
from mlgitops.core.releases import Release, ReleaseDocument
from mlgitops.core.signatures import Field, Signature, breaks
from mlgitops.core.signatures import notes as told

Topic: TypeAlias = Literal[
    "data", "code", "parameters", "environment", "signature", "metrics", "size", "speed"
]
TOPICS: Final[tuple[Topic, ...]] = (
    "data",
    "code",
    "parameters",
    "environment",
    "signature",
    "metrics",
    "size",
    "speed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs; None stands for what the other release does not have."""

    topic: Topic
    name: str
    old: JSON
    new: JSON
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDifference:
    """Everything that differs between two releases; ``old`` and ``new`` are their tags.

    ``why``: the reason of the new one's version. ``breaks``: why a caller of the old one cannot
    call the new one; ``callers``: what to know where every request still fits. ``notes``: what
    could not be looked at, and why.
    """

    old: str
    new: str
    same_identity: bool
    why: str
    changes: tuple[Change, ...]
    breaks: tuple[str, ...]
    callers: tuple[str, ...]
    commits: tuple[str, ...]
    notes: tuple[str, ...]


def differences(
    old: Release,
    new: Release,
    *,
    signatures: tuple[Signature, Signature] | None,
    compared: tuple[Compared, ...] = (),
    commits: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> ReleaseDifference:
    """Return what differs. ``signatures``: of both, None when their bytes are not here.

    ``compared``: the paired comparison of the two on the new one's rows, as far as there is one;
    ``commits``: of the pipeline between them, oldest first.
    """
    before, after = old.document, new.document
    changes = [*_data(before, after), *_steps(before, after)]
    if signatures is not None:
        changes += _signature(*signatures)
    changes += _metrics(before, after, {one.metric: one for one in compared})
    if before.size != after.size:
        changes.append(Change(topic="size", name="model.onnx", old=before.size, new=after.size))
    changes += _speed(before, after)
    order = {topic: place for place, topic in enumerate(TOPICS)}
    return ReleaseDifference(
        old=old.tag,
        new=new.tag,
        same_identity=before.identity == after.identity,
        changes=tuple(sorted(changes, key=lambda one: order[one.topic])),
        why=_why(after),
        breaks=() if signatures is None else breaks(*signatures),
        callers=() if signatures is None else told(*signatures),
        commits=commits,
        notes=notes,
    )


def to_json(found: ReleaseDifference) -> dict[str, JSON]:
    """Return the form of ``diff MODEL@OLD MODEL@NEW --format json``."""
    return {
        "apiVersion": "mlgitops/v1",
        "old": found.old,
        "new": found.new,
        "same_identity": found.same_identity,
        "changes": [
            {
                "topic": one.topic,
                "name": one.name,
                "old": one.old,
                "new": one.new,
                "note": one.note,
            }
            for one in found.changes
        ],
        "why": found.why,
        "breaks": list(found.breaks),
        "callers": list(found.callers),
        "commits": list(found.commits),
        "notes": list(found.notes),
    }


def _why(document: ReleaseDocument) -> str:
    chosen = [] if document.reason is None else [f"chosen: {document.reason}"]
    return f"{document.version} is {document.bump}: {'; '.join((*chosen, *document.because))}"


def _data(old: ReleaseDocument, new: ReleaseDocument) -> Iterator[Change]:
    before, after = old.lineage.snapshots, new.lineage.snapshots
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Change(
                topic="data",
                name=name,
                old=_snapshot(before.get(name)),
                new=_snapshot(after.get(name)),
            )
    digests = [one.files.get("evaluation.parquet") for one in (old, new)]
    if digests[0] != digests[1]:
        rows = [f"{one.evaluation['rows']:,} rows" for one in (old, new)]
        shown = [
            f"{count}, {short(digest)}" if digest else count
            for count, digest in zip(rows, digests, strict=True)
        ]
        yield Change(topic="data", name="evaluation rows", old=shown[0], new=shown[1])


def _snapshot(one: Mapping[str, JSON] | None) -> JSON:
    if one is None:
        return None
    rows = one.get("rows")
    count = f"{rows:,} rows, " if isinstance(rows, int) else ""
    return f"{count}as of {one.get('as_of')}, {short(str(one['digest']))}"


def _steps(old: ReleaseDocument, new: ReleaseDocument) -> Iterator[Change]:
    before, after = old.lineage.steps, new.lineage.steps
    for name in sorted(before.keys() | after.keys()):
        then, now = before.get(name), after.get(name)
        if then is None or now is None:
            gone, come = ("a step", None) if now is None else (None, "a step")
            yield Change(topic="code", name=name, old=gone, new=come)
            continue
        if then.code != now.code:
            codes = [None if one is None else short(one) for one in (then.code, now.code)]
            yield Change(topic="code", name=name, old=codes[0], new=codes[1])
        params = [cast("dict[str, JSON]", one.params or {}) for one in (then, now)]
        for key in sorted(params[0].keys() | params[1].keys()):
            values = [one.get(key) for one in params]
            if values[0] != values[1]:
                yield Change(topic="parameters", name=f"{name}.{key}", old=values[0], new=values[1])
        if then.lock != now.lock:
            locks = [None if one is None else short(one) for one in (then.lock, now.lock)]
            yield Change(topic="environment", name=name, old=locks[0], new=locks[1])


def _signature(old: Signature, new: Signature) -> Iterator[Change]:
    before = {field.name: field for field in old.inputs}
    after = {field.name: field for field in new.inputs}
    for name in [*before, *(name for name in after if name not in before)]:
        shown = [
            None if one is None else _field(one) for one in (before.get(name), after.get(name))
        ]
        if shown[0] != shown[1]:
            yield Change(topic="signature", name=name, old=shown[0], new=shown[1])
    if old.classes != new.classes:
        classes: list[list[JSON]] = [list(old.classes), list(new.classes)]
        yield Change(topic="signature", name="classes", old=classes[0], new=classes[1])


def _field(field: Field) -> str:
    words: list[str] = [field.kind, *(["may be missing"] if field.nullable else [])]
    if field.low is not None and field.high is not None:
        words.append(f"{field.low:g} to {field.high:g}")
    if field.categories is not None:
        words.append(f"{len(field.categories)} categories")
    return ", ".join(words)


def _metrics(
    old: ReleaseDocument, new: ReleaseDocument, compared: Mapping[str, Compared]
) -> Iterator[Change]:
    then, now = (
        cast("Mapping[str, dict[str, JSON]]", one.evaluation["metrics"]) for one in (old, new)
    )
    for name in [*then, *(name for name in now if name not in then)]:
        before, after = then.get(name), now.get(name)
        if before == after:
            continue
        note = ""
        if name in compared:
            one = compared[name]
            note = (
                f"paired on {one.n:,} rows: {one.delta:+.4g}, 90 % interval {one.low:+.4g} to"
                f" {one.high:+.4g}"
            )
        elif before is not None and after is not None:
            note = "each on its own rows; intervals say nothing of the difference"
        yield Change(topic="metrics", name=name, old=before, new=after, note=note)


def _speed(old: ReleaseDocument, new: ReleaseDocument) -> Iterator[Change]:
    machines = [one.measured.get("machine") for one in (old, new)]
    note = "" if machines[0] == machines[1] else "measured on different machines"
    for name in ("latency_p50_ms", "latency_p99_ms"):
        values = [one.measured.get(name) for one in (old, new)]
        if values[0] != values[1]:
            yield Change(topic="speed", name=name, old=values[0], new=values[1], note=note)
