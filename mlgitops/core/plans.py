"""What a run would do with each step, and why. Decided here, from what others gathered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from mlgitops.core.digests import JSON, Digest
from mlgitops.core.keys import Parts, changes
from mlgitops.core.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """The work is known already. ``notes``: what a reader should know although nothing runs."""

    pipeline: str
    step: str
    record: Record
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """The step has to run. ``key`` is None while a step before it has to run first.

    ``parts``: what the key is made of. ``usual``: the seconds that it took last time, as far as
    they are known.
    """

    pipeline: str
    step: str
    key: Digest | None
    because: tuple[str, ...]
    notes: tuple[str, ...] = ()
    usual: float | None = None
    parts: Parts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """The step is not meant to run: its condition does not hold, or what it reads is skipped."""

    pipeline: str
    step: str
    because: str
    notes: tuple[str, ...] = ()


Decision: TypeAlias = "Reuse | Execute | Skip"
Plan: TypeAlias = tuple[Decision, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows about a step's key.

    ``record``: remembered for this key. ``missing``: its outputs whose bytes are not there.
    ``latest``: the step's newest record, whatever its key.
    """

    record: Record | None
    missing: tuple[str, ...] = ()
    latest: Record | None = None


def decide(pipeline: str, step: str, key: Digest, parts: Parts, known: Known) -> Reuse | Execute:
    """Return whether the work of ``key`` has to be done, and why."""
    if known.record is not None and not known.missing:
        return Reuse(pipeline=pipeline, step=step, record=known.record, notes=notes(known.record))
    if known.record is not None:
        because: tuple[str, ...] = (f"the bytes of {', '.join(known.missing)} are gone",)
    elif known.latest is None:
        because = ("never ran",)
    else:
        because = changes(known.latest.parts, parts) or ("its record is gone",)
    return Execute(
        pipeline=pipeline, step=step, key=key, because=because, usual=usual(known), parts=parts
    )


def usual(known: Known) -> float | None:
    """Return the seconds that the step took last time, None when no record says it."""
    last = known.record or known.latest
    return None if last is None else last.wall


def waits(pipeline: str, step: str, makers: Iterable[str]) -> Execute:
    """Return the decision for a step whose inputs are not known yet."""
    reason = f"waits for {', '.join(makers)}"
    return Execute(pipeline=pipeline, step=step, key=None, because=(reason,))


def notes(record: Record) -> tuple[str, ...]:
    """Return what a reader should know about a result: what its key could not see."""
    return (*observed(record), *unfollowed(record.unseen))


def observed(record: Record) -> tuple[str, ...]:
    """Return what a step was seen to do, which nobody could know before it ran."""
    lines = [
        f"looked for the variable {used}, which is not in its 'env' (undeclared-input)"
        if used.startswith("$")
        else f"read {used}, which is not among its inputs (undeclared-input)"
        for used in record.undeclared
    ]
    lines += [f"starts other programs, which are not observed: {name}" for name in record.programs]
    return tuple(lines)


def unfollowed(unseen: Iterable[str]) -> tuple[str, ...]:
    """Return what a reader should know of code that reading cannot follow."""
    return tuple(f"cannot be followed: {line}" for line in unseen)


def to_json(decision: Decision) -> dict[str, JSON]:
    """Return the JSON form of one step of ``plan --json`` and ``run --json``."""
    match decision:
        case Reuse(record=record):
            return {
                "pipeline": decision.pipeline,
                "step": decision.step,
                "action": "reuse",
                "because": ["nothing changed"],
                "notes": list(decision.notes),
                "key": record.key,
            }
        case Execute(key=key, because=because):
            return {
                "pipeline": decision.pipeline,
                "step": decision.step,
                "action": "execute",
                "because": list(because),
                "notes": list(decision.notes),
                "key": key,
            }
        case Skip(because=reason):
            return {
                "pipeline": decision.pipeline,
                "step": decision.step,
                "action": "skip",
                "because": [reason],
                "notes": [],
                "key": None,
            }
        case _:
            assert_never(decision)
