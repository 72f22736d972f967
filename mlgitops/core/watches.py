"""Looks at a release in use: which rows, what was seen in them, what was said, how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal, cast

from mlgitops.core.digests import JSON, Digest
from mlgitops.core.specs.base import API_VERSION

# The kind of a look's record in the ledger.
KIND: Final = "monitor"

State = Literal["healthy", "degraded", "unhealthy", "not enough data"]
Topic = Literal["performance", "predictions", "inputs", "values", "rows"]
Standing = Literal["healthy", "degraded", "unclear", "not enough data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which entries of the journal were looked at; times are ISO 8601 in UTC.

    ``rows`` are those of the release that is watched, each row id once: ``repeats`` were asked
    again, ``others`` answered by another release, ``torn`` are lines that a crash cut off.
    """

    since: str
    until: str
    first: str | None = None
    last: str | None = None
    requests: int = 0
    rows: int = 0
    repeats: int = 0
    others: int = 0
    torn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One test of one column against the release's reference; ``then`` and ``now`` in words.

    ``effect``: the share of rows that would have to move for the two to look alike. ``p`` of a
    two-sample test, ``q`` adjusted for all tests. ``unseen``: new strings, most frequent first.
    """

    name: str
    topic: Literal["predictions", "inputs"]
    method: str
    effect: float
    p: float
    q: float
    drifted: bool
    then: str
    now: str
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Performance on the rows whose true value is known; ``then`` is the release's own.

    ``tolerated``: how much worse it may be, in the metric's unit. ``needed``: rows that would
    decide what is not decided.
    """

    metric: str
    higher_is_better: bool
    then: float
    now: float
    low: float
    high: float
    confidence: float
    tolerated: float
    rows: int
    standing: Standing
    needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What is odd in one input: values that are missing, or that the release never saw.

    ``outside``: numbers beyond the reference's range, or strings that are none of its categories.
    """

    name: str
    missing: int
    outside: int
    range: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """How many true values were found; rows too young for theirs are left out of performance.

    ``digest``: the table that they came from. ``problem``: why performance cannot be known
    although the model's spec names their source.
    """

    found: int = 0
    young: int = 0
    contradictory: int = 0
    digest: Digest | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An absolute gate: the worst value of ``metric`` that the environment lets in."""

    metric: str
    value: float
    gate: Literal["min", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict is made from. ``needed``: rows without which drift cannot be told.

    ``measured``: the model's first metric, by which it is judged; ``gated``: the others that an
    absolute gate of the environment or the model asks for.
    """

    window: Window
    needed: int
    shifts: tuple[Shift, ...] = ()
    measured: Measured | None = None
    gated: tuple[Measured, ...] = ()
    labelled: Labelled | None = None
    quality: tuple[Quality, ...] = ()
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that speaks for a verdict."""

    topic: Topic
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``reasons`` decided, what matters most first; ``remarks`` were seen and did not."""

    state: State
    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One look at a release in an environment. ``as_of``: until when true values were known."""

    model: str
    environment: str
    version: str
    digest: Digest
    as_of: str
    evidence: Evidence
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a recorded look said, for those who act on it. ``drifted``: columns by name."""

    model: str
    environment: str
    version: str
    at: str
    state: str
    reasons: tuple[str, ...]
    drifted: tuple[str, ...]


def to_json(watch: Watch) -> dict[str, JSON]:
    """Return the record of a look: what the ledger keeps and ``monitor --json`` prints."""
    evidence, verdict = watch.evidence, watch.verdict
    return {
        "apiVersion": API_VERSION,
        "kind": "Monitor",
        "model": watch.model,
        "environment": watch.environment,
        "version": watch.version,
        "digest": watch.digest,
        "as_of": watch.as_of,
        "verdict": verdict.state,
        "reasons": [_plain(reason) for reason in verdict.reasons],
        "remarks": [_plain(remark) for remark in verdict.remarks],
        "window": _plain(evidence.window),
        "rows": evidence.window.rows,
        "needed": evidence.needed,
        "performance": None if evidence.measured is None else _plain(evidence.measured),
        "gated": [_plain(one) for one in evidence.gated],
        "labels": None if evidence.labelled is None else _plain(evidence.labelled),
        "columns": [_plain(shift) for shift in evidence.shifts],
        "quality": [_plain(one) for one in evidence.quality],
        "limits": [_plain(limit) for limit in evidence.limits],
    }


def told(record: Mapping[str, JSON], at: str) -> Told | None:
    """Return what ``to_json`` recorded, or None when ``record`` is something else."""
    try:
        reasons = cast("list[Mapping[str, str]]", record["reasons"])
        columns = cast("list[Mapping[str, JSON]]", record["columns"])
        return Told(
            model=str(record["model"]),
            environment=str(record["environment"]),
            version=str(record["version"]),
            at=at,
            state=str(record["verdict"]),
            reasons=tuple(str(reason["text"]) for reason in reasons),
            # A column may have drifted in its values and in how often it is missing.
            drifted=tuple(dict.fromkeys(str(one["name"]) for one in columns if one["drifted"])),
        )
    except (KeyError, TypeError):
        return None


def _plain(value: Window | Shift | Measured | Quality | Labelled | Limit | Reason) -> JSON:
    return cast(JSON, asdict(value))
