"""Every part of a step's key, now and in a record: what ``plan --explain`` shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlgitops.core.digests import JSON, Digest, canonical
from mlgitops.core.keys import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One part of a key: its ``value`` now and ``before``, None where it is not there.

    ``known``: whether there is a record to compare with. ``note``: where it is from, or what in it
    changed.
    """

    part: str
    name: str
    value: str | None
    before: str | None = None
    known: bool = False
    note: str = ""

    @property
    def moved(self) -> bool:
        """Whether it is another one than in the record."""
        return self.known and self.value != self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The record that a step is compared with, or that is reused."""

    key: Digest
    started_at: str
    where: str = ""
    wall: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a step runs or does not: ``lines`` are all parts of its key.

    ``key`` is None while a step before it has to run first. ``record``: what is reused, or what the
    parts are compared with; None when nothing is known.
    """

    pipeline: str
    step: str
    action: str
    because: tuple[str, ...]
    key: Digest | None
    lines: tuple[Line, ...]
    record: Made | None
    notes: tuple[str, ...] = ()


def explained(
    now: Parts, before: Parts | None, notes: Mapping[tuple[str, str], str]
) -> tuple[Line, ...]:
    """Return every part of ``now``, and those of ``before`` that are gone.

    ``notes``: what to say of a part, by (part, name).
    """
    new = dict(_values(now))
    old = {} if before is None else dict(_values(before))
    names = sorted({*new, *old}, key=_place)
    return tuple(
        Line(
            part=part,
            name=name,
            value=new.get((part, name)),
            before=old.get((part, name)),
            known=before is not None,
            note=notes.get((part, name), ""),
        )
        for part, name in names
    )


def nearest(now: Parts, known: Iterable[Parts]) -> Parts | None:
    """Return those of ``known`` that differ in the fewest parts; of several, the first."""
    return min(known, key=lambda one: distance(now, one), default=None)


def distance(one: Parts, other: Parts) -> int:
    """Return in how many parts the two differ."""
    left, right = dict(_values(one)), dict(_values(other))
    return sum(left.get(name) != right.get(name) for name in {*left, *right})


_ORDER = (
    "kind",
    "words",
    "code",
    "params",
    "inputs",
    "outputs",
    "contracts",
    "lock",
    "python",
    "env",
    "as_of",
)


def _place(line: tuple[str, str]) -> tuple[int, str]:
    return _ORDER.index(line[0]), line[1]


def _values(parts: Parts) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield ((part, name), value) of everything that decides the key."""
    yield ("kind", ""), parts.kind
    yield ("words", ""), " ".join(_word(word) for word in parts.words)
    texts: Mapping[str, Mapping[str, str]] = {
        "code": parts.code,
        "params": {name: canonical(value).decode() for name, value in parts.params.items()},
        "inputs": {name: f"{one.digest} as {one.format}" for name, one in parts.inputs.items()},
        "outputs": parts.outputs,
        "contracts": parts.contracts,
        "lock": parts.lock,
        "env": dict.fromkeys(parts.env, "its value does not count"),
    }
    for part, values in texts.items():
        for name, value in values.items():
            yield (part, name), value
    yield ("python", ""), parts.python
    if parts.as_of is not None:
        yield ("as_of", ""), parts.as_of


def _word(word: str) -> str:
    return word if word and not any(one.isspace() for one in word) else canonical(word).decode()


def to_json(explanation: Explanation) -> dict[str, JSON]:
    """Return the JSON form: what the step's line of ``plan --json`` has, and ``explain``."""
    record = explanation.record
    return {
        "pipeline": explanation.pipeline,
        "step": explanation.step,
        "action": explanation.action,
        "because": list(explanation.because),
        "notes": list(explanation.notes),
        "key": explanation.key,
        "record": None
        if record is None
        else {
            "key": record.key,
            "started_at": record.started_at,
            "where": record.where or None,
            "wall": record.wall,
        },
        "parts": [
            {
                "part": line.part,
                "name": line.name,
                "value": line.value,
                "before": line.before,
                "changed": line.moved,
                "note": line.note or None,
            }
            for line in explanation.lines
        ],
    }
