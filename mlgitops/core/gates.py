"""Gates: pure functions of a candidate, what is live, and the evidence; error is never pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never, cast

from mlgitops.core import proofs
from mlgitops.core.digests import JSON, Digest
from mlgitops.core.provenance import Provenance
from mlgitops.core.releases import ReleaseDocument
from mlgitops.core.specs.base import seconds, size_in_bytes
from mlgitops.core.specs.environments import Windows
from mlgitops.core.specs.gates import Gate

State = Literal["pass", "fail", "inconclusive", "waiting", "error", "not applicable"]
Kind = Literal["proposed", "previous", "active"]

# What a whole promotion is, from the worst of its gates to the best.
_ORDER: tuple[State, ...] = ("error", "fail", "inconclusive", "waiting", "pass", "not applicable")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What one gate says of this candidate, of an earlier environment, or of what is live."""

    gate: str
    state: State
    detail: str
    kind: Kind = "proposed"

    def to_json(self) -> dict[str, JSON]:
        """Return the form that a promotion record keeps."""
        return {"gate": self.gate, "kind": self.kind, "state": self.state, "detail": self.detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One paired comparison of the candidate with the live model on the same rows.

    ``delta`` is candidate minus live in the metric's unit; ``low`` and ``high`` bound it, each
    one-sided at ``confidence``. ``limit``: the worst delta that passes.
    ``n_needed``, when inconclusive: rows at which an equally good model passes the next look with
    80 % power. ``verdict`` is only "fail" where that holds among all that the gate compares.
    ``spent``: the gate's ``looks`` were used up before. ``clusters``: how many there are of rows
    that belong together; None where rows stand alone.
    """

    metric: str
    slice: tuple[str, str] | None
    live: float
    candidate: float
    delta: float
    low: float
    high: float
    limit: float
    higher_is_better: bool
    verdict: Literal["pass", "fail", "inconclusive"]
    n: int
    n_needed: int | None
    confidence: float = 0.95
    spent: bool = False
    clusters: int | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the form that a promotion record keeps."""
        return {
            "metric": self.metric,
            "slice": list(self.slice) if self.slice else None,
            "live": self.live,
            "candidate": self.candidate,
            "delta": self.delta,
            "low": self.low,
            "high": self.high,
            "limit": self.limit,
            "higher_is_better": self.higher_is_better,
            "verdict": self.verdict,
            "n": self.n,
            "n_needed": self.n_needed,
            "confidence": self.confidence,
            "spent": self.spent,
            "clusters": self.clusters,
        }

    @property
    def undecided(self) -> str:
        """What would decide an inconclusive comparison, in words."""
        if self.spent:
            return "compared as often as `looks` of the gate allows: no other rows decide it"
        if self.n_needed is not None:
            among = "" if self.clusters is None else f" in {self.clusters:,} clusters"
            return f"has {self.n:,} rows{among}, needs about {self.n_needed:,} to be likely to pass"
        beyond = self.high < self.limit if self.higher_is_better else self.low > self.limit
        if beyond and self.slice is not None:
            return "worse, but one of so many looks so by chance (Holm)"
        return "no number of rows would show it: only a larger margin, or a better model"

    @property
    def title(self) -> str:
        """``mae``, or ``mae · daypart=night`` for a slice."""
        return self.metric if self.slice is None else f"{self.metric} · {'='.join(self.slice)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that was compared, and which rows were left out and why.

    ``problem``: why nothing could be compared although something is live; ``how``: which rows the
    live model was scored on. ``predictions``: the blob of what it answered, by row id.
    ``excluded``: reason to number of rows. ``look``: how often this very model (its ONNX) was held
    against the live release by now, this time included (see ``core.looks``).
    """

    rows: int = 0
    how: str = ""
    predictions: Digest | None = None
    excluded: Mapping[str, int]
    compared: tuple[Compared, ...] = ()
    problem: str | None = None
    look: int = 1

    def to_json(self) -> dict[str, JSON]:
        """Return the form that a promotion record keeps."""
        return {
            "rows": self.rows,
            "how": self.how,
            "predictions": self.predictions,
            "excluded": dict(self.excluded),
            "look": self.look,
            "compared": [one.to_json() for one in self.compared],
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the gates of a release may look at. ``comparison`` is None when nothing is live.

    ``provenance``: None when no gate asks.
    """

    candidate: ReleaseDocument
    live: ReleaseDocument | None
    comparison: Comparison | None
    signature_breaks: tuple[str, ...]
    provenance: Provenance | None = None


def applying(gates: Iterable[Gate], model: str) -> tuple[Gate, ...]:
    """Return the gates that are meant for ``model``, each one once."""
    chosen: list[Gate] = []
    for gate in gates:
        if gate.model in (None, model) and gate not in chosen:
            chosen.append(gate)
    return tuple(chosen)


def title(gate: Gate) -> str:
    """Return the gate in words, as its row in a pull request is headed."""
    if gate.metric is not None:
        if gate.no_worse_than is not None:
            return f"{gate.metric} no worse than live"
        if gate.min is not None:
            return f"{gate.metric} at least {gate.min:g}"
        return f"{gate.metric} at most {gate.max:g}"
    if gate.slices is not None:
        return "slices no worse than live"
    if gate.parity is not None:
        return "parity of ONNX and estimator"
    if gate.signature is not None:
        return "signature compatible"
    if gate.size_max is not None:
        return f"size at most {gate.size_max}"
    if gate.latency_p99 is not None:
        return f"latency p99 at most {gate.latency_p99}"
    return _undecided_title(gate)


def _undecided_title(gate: Gate) -> str:
    where = f" in {gate.in_}" if gate.in_ is not None else ""
    own = gate.run or " ".join(gate.command or ())
    titles = {
        "provenance": "provenance",
        "contract": "data contracts kept",
        "freshness": f"data at most {gate.freshness} old",
        "soak": f"ran for {gate.soak}{where}",
        "health": f"healthy in {gate.health}",
        "run": gate.name or own,
        "command": gate.name or own,
    }
    return titles[gate.kind]


def evaluate(gate: Gate, evidence: Evidence) -> GateResult:
    """Return what ``gate`` says of the evidence."""
    state, detail = _decide(gate, evidence)
    return GateResult(gate=title(gate), state=state, detail=detail)


def _decide(gate: Gate, evidence: Evidence) -> tuple[State, str]:
    document = evidence.candidate
    if gate.metric is not None and gate.no_worse_than is None:
        return _absolute(gate, document)
    if gate.metric is not None or gate.slices is not None:
        return _against_live(gate, evidence)
    if gate.parity is not None:
        return _parity(document.parity)
    if gate.signature is not None:
        if evidence.live is None:
            return "not applicable", "nothing runs here yet"
        if evidence.signature_breaks:
            return "fail", "; ".join(evidence.signature_breaks)
        return "pass", f"callers of {evidence.live.version} can call it unchanged"
    if gate.size_max is not None:
        limit = size_in_bytes(gate.size_max)
        state: State = "pass" if document.size <= limit else "fail"
        return state, f"{document.size:,} bytes, limit {limit:,}"
    if gate.latency_p99 is not None:
        return _latency(gate.latency_p99, document.measured)
    if gate.provenance is not None:
        return _provenance(evidence.provenance)
    # What nothing decides yet must never pass: an error is no yes.
    return "error", f"this version of mlgitops does not decide a {gate.kind!r} gate yet"


def window(windows: Windows | None, action: str) -> tuple[GateResult, ...]:
    """Return what the windows of an environment say; none when there are none to ask."""
    if windows is None or (action == "rollback" and windows.rollback == "allow"):
        return ()
    detail = "this version of mlgitops does not know yet whether a window is open"
    return (GateResult(gate="window", state="error", detail=detail),)


def teams(wanted: Sequence[str]) -> tuple[GateResult, ...]:
    """Return what the teams that have to approve say; none when there are none to ask."""
    if not wanted:
        return ()
    detail = f"this version of mlgitops does not know yet who is in {', '.join(wanted)}"
    return (GateResult(gate="team approval", state="error", detail=detail),)


def _absolute(gate: Gate, document: ReleaseDocument) -> tuple[State, str]:
    assert gate.metric is not None
    value = document.metrics.get(gate.metric)
    if value is None:
        known = ", ".join(document.metrics)
        return "error", f"the release records no {gate.metric!r}; it records {known}"
    if gate.min is not None:
        return ("pass" if value >= gate.min else "fail"), f"{value:.6g}, at least {gate.min:g}"
    assert gate.max is not None
    return ("pass" if value <= gate.max else "fail"), f"{value:.6g}, at most {gate.max:g}"


def _against_live(gate: Gate, evidence: Evidence) -> tuple[State, str]:
    if evidence.live is None:
        return "not applicable", "no baseline: nothing runs here yet"
    comparison = evidence.comparison
    if comparison is None or comparison.problem is not None:
        why = comparison.problem if comparison else "nothing was compared"
        return "inconclusive", f"cannot be compared with {evidence.live.version}: {why}"
    chosen = [
        one
        for one in comparison.compared
        if (one.slice is None and one.metric == gate.metric)
        or (gate.slices is not None and one.slice is not None)
    ]
    if not chosen:
        return "error", "nothing was compared for this gate"
    return _worst(chosen)


def _worst(chosen: Sequence[Compared]) -> tuple[State, str]:
    for verdict in ("fail", "inconclusive"):
        bad = [one for one in chosen if one.verdict == verdict]
        if bad:
            return verdict, "; ".join(_words(one) for one in bad[:3])
    if len(chosen) == 1:
        return "pass", _words(chosen[0])
    return "pass", f"{len(chosen)} slices, none worse than its margin"


def _words(one: Compared) -> str:
    name = "" if one.slice is None else f"{'='.join(one.slice)}: "
    sign = ">=" if one.higher_is_better else "<="
    interval = f"[{one.low:+.4g}, {one.high:+.4g}]"
    told = f"{name}{one.delta:+.4g} {interval}, limit {sign} {one.limit:+.4g}"
    return told if one.verdict != "inconclusive" else f"{told}, {one.undecided}"


def _parity(parity: Mapping[str, JSON]) -> tuple[State, str]:
    proved = parity["ok"] is True and cast(int, parity["rows"]) > 0
    return "pass" if proved else "fail", proofs.told(parity)


def _provenance(found: Provenance | None) -> tuple[State, str]:
    if found is None:
        return "error", "nobody looked at the release's statement"
    if found.problem is not None:
        return "fail", found.problem
    return "pass", f"signed by {found.signer}, built by {found.builder} from {found.commit[:12]}"


def _latency(limit: str, measured: Mapping[str, JSON]) -> tuple[State, str]:
    value = measured.get("latency_p99_ms")
    if not isinstance(value, int | float):
        return "error", "the release measured no latency"
    bound = seconds(limit) * 1000
    detail = f"{value:.3g} ms for one row on {measured.get('machine', 'an unknown machine')}"
    return ("pass" if value <= bound else "fail"), f"{detail}, limit {bound:g} ms"


def overall(results: Iterable[GateResult]) -> State:
    """Return the worst state: a promotion is what its worst gate is."""
    states = {result.state for result in results}
    for state in _ORDER:
        if state in states:
            return "pass" if state == "not applicable" else state
    return "pass"


def check_state(state: State) -> Literal["pending", "success", "failure"]:
    """Return the state that a forge's check shows. Never success for what is not decided."""
    match state:
        case "pass" | "not applicable":
            return "success"
        case "waiting":
            return "pending"
        case "fail" | "error" | "inconclusive":
            return "failure"
        case _:
            assert_never(state)
