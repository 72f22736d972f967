"""One run as the ledger remembers it: where, by whom, what each step did, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, assert_never, cast

from mlgitops.core import measures
from mlgitops.core.digests import JSON, Digest, of_value, parse_digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.keys import Parts
from mlgitops.core.ledgers import Record as Entry
from mlgitops.core.measures import Measure
from mlgitops.core.plans import Decision, Execute, Reuse, Skip
from mlgitops.core.records import Record

KIND: Final = "run"
FORMAT: Final = 1
_MOST_DIRTY: Final = 100
_MOST_LETTERS: Final = 500

Action = Literal["execute", "reuse", "skip", "fail"]
Status = Literal["done", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One output of a step."""

    digest: str
    format: str
    size: int
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """What a run did with one step. ``seconds``, ``cpu``, ``memory``: of the work, where it ran.

    A reused step has its key, parameters and metrics alone: the run that did the work has the rest
    (``complete``). ``files``: the inputs that are files of the repository.
    """

    pipeline: str
    step: str
    action: Action
    because: tuple[str, ...] = ()
    key: Digest | None = None
    params: Mapping[str, JSON] = field(default_factory=dict)
    metrics: Mapping[str, Measure] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    outputs: Mapping[str, Made] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    lock: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    attempts: int = 1
    undeclared: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    log: str | None = None
    failure: str | None = None

    @property
    def name(self) -> str:
        """``pipeline.step``."""
        return f"{self.pipeline}.{self.step}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. ``at``: when it ended.

    ``params``: of each pipeline (and pass of a backfill), as the spec and the command line had it.
    ``dirty``: files that differed from ``commit``. ``ci``: the page of the job that ran it.
    """

    id: str
    at: str
    status: Status
    seconds: float
    steps: tuple[RunStep, ...]
    params: Mapping[str, Mapping[str, JSON]]
    commit: str | None = None
    branch: str | None = None
    dirty: tuple[str, ...] = ()
    who: str = ""
    ci: str | None = None
    platform: str = ""
    version: str = ""
    asked: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The pipelines, in the order of their steps."""
        return tuple(dict.fromkeys(step.pipeline for step in self.steps))

    def count(self, action: Action) -> int:
        """Return how many steps did that."""
        return sum(step.action == action for step in self.steps)


def step_of(decision: Decision, name: str, record: Record | None, seconds: float) -> RunStep:
    """Return what a run says of a step that is settled; only a skipped one has no record."""
    match decision:
        case Reuse():
            because: tuple[str, ...] = ()
        case Execute():
            because = decision.because
        case Skip():
            because = (decision.because,)
        case _:
            assert_never(decision)
    step = RunStep(pipeline=decision.pipeline, step=name, action="skip", because=because)
    if record is None or isinstance(decision, Skip):
        return step
    known = replace(step, key=record.key, params=record.parts.params, metrics=record.metrics)
    if isinstance(decision, Reuse):
        return replace(known, action="reuse")
    done = replace(known, action="execute", seconds=round(seconds, 3), attempts=record.attempts)
    return completed(replace(done, cpu=record.cpu, memory=record.peak_memory), record)


def failed_step(pipeline: str, name: str, decision: Execute | None, message: str) -> RunStep:
    """Return what a run says of a step that failed: the first line of its error."""
    failure = (message.splitlines() or [""])[0][:_MOST_LETTERS]
    step = RunStep(pipeline=pipeline, step=name, action="fail", failure=failure)
    if decision is None:
        return step
    step = replace(step, because=decision.because, key=decision.key)
    return step if decision.parts is None else _of_parts(step, decision.parts)


def completed(step: RunStep, record: Record) -> RunStep:
    """Return the step with what its work was made of and what it made."""
    return replace(
        _of_parts(step, record.parts),
        metrics=record.metrics,
        outputs={
            name: Made(digest=one.digest, format=one.format, size=one.size, rows=one.rows)
            for name, one in record.outputs.items()
        },
        undeclared=record.undeclared,
        network=record.network,
        log=record.log,
    )


def _of_parts(step: RunStep, parts: Parts) -> RunStep:
    return replace(
        step,
        params=parts.params,
        inputs={name: str(one.digest) for name, one in parts.inputs.items()},
        files=tuple(name for name, one in parts.inputs.items() if one.format == "path"),
        code={name: str(digest) for name, digest in parts.code.items()},
        python=parts.python,
        lock=parts.lock,
    )


def to_body(run: Run) -> dict[str, JSON]:
    """Return the body of the run's record: nothing that is empty, each set of versions once."""
    locks = {of_value(dict(step.lock)): dict(step.lock) for step in run.steps if step.lock}
    return {
        "run": FORMAT,
        "status": run.status,
        "seconds": round(run.seconds, 3),
        "commit": run.commit,
        "branch": run.branch,
        "dirty": list(run.dirty[:_MOST_DIRTY]),
        "dirty_count": len(run.dirty),
        "who": run.who,
        "ci": run.ci,
        "platform": run.platform,
        "version": run.version,
        "asked": dict(run.asked),
        "params": {name: dict(params) for name, params in run.params.items()},
        "locks": {str(digest): dict(versions) for digest, versions in locks.items()},
        "steps": [_step_json(step) for step in run.steps],
    }


def _step_json(step: RunStep) -> JSON:
    data: dict[str, JSON] = {
        "because": list(step.because),
        "key": step.key,
        "params": dict(step.params),
        "metrics": {name: measures.to_json(one) for name, one in step.metrics.items()},
        "inputs": dict(step.inputs),
        "files": list(step.files),
        "outputs": {name: _made_json(one) for name, one in step.outputs.items()},
        "code": dict(step.code),
        "python": step.python,
        "lock": of_value(dict(step.lock)) if step.lock else None,
        "seconds": step.seconds,
        "cpu": step.cpu,
        "memory": step.memory,
        "attempts": 0 if step.attempts == 1 else step.attempts,
        "undeclared": list(step.undeclared),
        "network": list(step.network),
        "log": step.log,
        "failure": step.failure,
    }
    given = {name: value for name, value in data.items() if value}
    return {"pipeline": step.pipeline, "step": step.step, "action": step.action, **given}


def _made_json(made: Made) -> JSON:
    data: dict[str, JSON] = {"digest": made.digest, "format": made.format, "size": made.size}
    return data if made.rows is None else {**data, "rows": made.rows}


def outline_of(entry: Entry) -> Run | None:
    """Read what a list of runs shows; None when the record is of another shape.

    Of the steps: action, key, parameters, metrics, seconds. Of thousands of runs, the rest of what
    they recorded is seldom asked for (``whole_of``).
    """
    return _run(entry, lambda data, locks: _outline(data))


def whole_of(entry: Entry) -> Run | None:
    """Read everything that a run recorded; None when the record is of another shape."""
    return _run(entry, _whole)


_Read = Callable[[Mapping[str, JSON], Mapping[str, Mapping[str, str]]], RunStep]


def _run(entry: Entry, read: _Read) -> Run | None:
    try:
        body = cast("Mapping[str, Mapping[str, JSON]]", entry.body)
        if cast(int, body["run"]) != FORMAT:
            return None
        locks = cast("Mapping[str, Mapping[str, str]]", body["locks"])
        steps = cast("Sequence[Mapping[str, JSON]]", body["steps"])
        status = str(body["status"])
        if status not in ("done", "failed", "interrupted"):
            return None
        return Run(
            id=entry.id,
            at=entry.at,
            status=cast(Status, status),
            seconds=float(cast(float, body["seconds"])),
            steps=tuple(read(one, locks) for one in steps),
            params={
                name: dict(cast("Mapping[str, JSON]", p)) for name, p in body["params"].items()
            },
            commit=_text(body["commit"]),
            branch=_text(body["branch"]),
            dirty=tuple(str(path) for path in body["dirty"]),
            who=str(body["who"]),
            ci=_text(body["ci"]),
            platform=str(body["platform"]),
            version=str(body["version"]),
            asked=dict(body["asked"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, MlgitopsError):
        return None


def _outline(data: Mapping[str, JSON]) -> RunStep:
    action, key = str(data["action"]), data.get("key")
    if action not in ("execute", "reuse", "skip", "fail"):
        raise ValueError(action)
    given = cast("Mapping[str, JSON]", data.get("metrics", {}))
    return RunStep(
        pipeline=str(data["pipeline"]),
        step=str(data["step"]),
        action=cast(Action, action),
        key=None if key is None else parse_digest(str(key)),
        params=dict(cast("Mapping[str, JSON]", data.get("params", {}))),
        metrics={name: measures.from_json(one) for name, one in given.items()},
        seconds=float(cast(float, data.get("seconds", 0.0))),
    )


def _whole(data: Mapping[str, JSON], locks: Mapping[str, Mapping[str, str]]) -> RunStep:
    def many(name: str) -> Mapping[str, JSON]:
        return cast("Mapping[str, JSON]", data.get(name, {}))

    def lines(name: str) -> tuple[str, ...]:
        return tuple(str(line) for line in cast("Sequence[JSON]", data.get(name, ())))

    return replace(
        _outline(data),
        because=lines("because"),
        inputs={name: str(digest) for name, digest in many("inputs").items()},
        files=lines("files"),
        outputs={
            name: _made(cast("Mapping[str, JSON]", one)) for name, one in many("outputs").items()
        },
        code={name: str(digest) for name, digest in many("code").items()},
        python=str(data.get("python", "")),
        lock=dict(locks[str(data["lock"])]) if "lock" in data else {},
        cpu=float(cast(float, data.get("cpu", 0.0))),
        memory=int(cast(int, data.get("memory", 0))),
        attempts=int(cast(int, data.get("attempts", 1))),
        undeclared=lines("undeclared"),
        network=lines("network"),
        log=_text(data.get("log")),
        failure=_text(data.get("failure")),
    )


def _made(data: Mapping[str, JSON]) -> Made:
    rows = data.get("rows")
    return Made(
        digest=parse_digest(str(data["digest"])),
        format=str(data["format"]),
        size=int(cast(int, data["size"])),
        rows=None if rows is None else int(cast(int, rows)),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
