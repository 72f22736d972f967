"""What differs between two runs: parameters, metrics, data, code, environment, durations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlgitops.core import measures
from mlgitops.core.digests import JSON
from mlgitops.core.experiments import Made, Run, RunStep
from mlgitops.core.measures import Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value by name; None where a run does not have it."""

    name: str
    old: JSON
    new: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPair:
    """One metric in both runs, or in one of them."""

    name: str
    old: Measure | None
    new: Measure | None

    @property
    def delta(self) -> float | None:
        """How much larger the new value is."""
        return None if self.old is None or self.new is None else self.new.value - self.old.value

    @property
    def overlap(self) -> bool | None:
        """Whether the intervals overlap; None when one of the values has none."""
        old, new = self.old, self.new
        if old is None or new is None or None in (old.low, old.high, new.low, new.high):
            return None
        return bool(old.low <= new.high and new.low <= old.high)  # type: ignore[operator]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFile:
    """One file whose meaning differs, with the steps that reach it."""

    pipeline: str
    file: str
    old: str | None
    new: str | None
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """One input from the repository (``step.inputs.name``) or output (``step.name``)."""

    name: str
    old: Made | None
    new: Made | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """The seconds of one step; None where it did not run."""

    name: str
    old: float | None
    new: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two runs side by side. ``metrics`` has the equal ones too, all others what differs.

    ``unknown``: steps whose work neither the ledger nor the store tells any more.
    """

    old: Run
    new: Run
    params: tuple[Value, ...]
    metrics: tuple[MetricPair, ...]
    code: tuple[CodeFile, ...]
    data: tuple[Data, ...]
    environment: tuple[Value, ...]
    durations: tuple[Duration, ...]
    unknown: tuple[str, ...]


def difference(
    old: Run, new: Run, old_steps: Iterable[RunStep], new_steps: Iterable[RunStep]
) -> Difference:
    """Compare two runs by their steps, the reused ones with what is known of their work."""
    before, after = ({step.name: step for step in steps} for steps in (old_steps, new_steps))
    unknown = [
        step.name
        for steps in (before, after)
        for step in steps.values()
        if step.action == "reuse" and not _known(step)
    ]
    return Difference(
        old=old,
        new=new,
        params=tuple(_values(_params(old), _params(new))),
        metrics=tuple(_metrics(before, after)),
        code=tuple(_code(before, after)),
        data=tuple(_data(before, after)),
        environment=tuple(_values(_environment(old, before), _environment(new, after))),
        durations=tuple(_durations(old, new)),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def _params(run: Run) -> dict[str, JSON]:
    found = {
        f"{pipeline}.params.{name}": value
        for pipeline, params in run.params.items()
        for name, value in params.items()
    }
    for step in run.steps:
        for name, value in step.params.items():
            # The element of a step that runs once for each, or what no spec holds any more.
            if run.params.get(step.pipeline, {}).get(name) != value:
                found[f"{step.name}.params.{name}"] = value
    return found


def _values(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> Iterable[Value]:
    for name in _names(old, new):
        if name not in old or name not in new or old[name] != new[name]:
            yield Value(name=name, old=old.get(name), new=new.get(name))


def _metrics(old: Mapping[str, RunStep], new: Mapping[str, RunStep]) -> Iterable[MetricPair]:
    before, after = (
        {f"{step.name}.{name}": one for step in run.values() for name, one in step.metrics.items()}
        for run in (old, new)
    )
    for name in _names(before, after):
        yield MetricPair(name=name, old=before.get(name), new=after.get(name))


def _code(old: Mapping[str, RunStep], new: Mapping[str, RunStep]) -> Iterable[CodeFile]:
    # A file is compared step by step: two steps may reach it in different states of the tree.
    found: dict[tuple[str, str, str | None, str | None], list[str]] = {}
    for name in _both(old, new):
        before, after = old[name].code, new[name].code
        for file in _names(before, after):
            one, other = before.get(file), after.get(file)
            if one != other:
                step = new[name]
                found.setdefault((step.pipeline, file, one, other), []).append(step.step)
    for (pipeline, file, one, other), steps in found.items():
        yield CodeFile(pipeline=pipeline, file=file, old=one, new=other, steps=tuple(steps))


def _data(old: Mapping[str, RunStep], new: Mapping[str, RunStep]) -> Iterable[Data]:
    for name in _both(old, new):
        before, after = _made(old[name]), _made(new[name])
        for what in _names(before, after):
            one, other = before.get(what), after.get(what)
            if (one and one.digest) != (other and other.digest):
                yield Data(name=f"{name}.{what}", old=one, new=other)


def _made(step: RunStep) -> dict[str, Made]:
    files = {
        f"inputs.{name}": Made(digest=step.inputs[name], format="path", size=0)
        for name in step.files
        if name in step.inputs
    }
    return {**files, **step.outputs}


def _environment(run: Run, steps: Mapping[str, RunStep]) -> dict[str, JSON]:
    found: dict[str, JSON] = {"platform": run.platform, "mlgitops": run.version}
    for step in steps.values():
        if step.python:
            found["python"] = step.python
        found.update(step.lock)
    return found


def _durations(old: Run, new: Run) -> Iterable[Duration]:
    before, after = (
        {s.name: s.seconds for s in r.steps if s.action == "execute"} for r in (old, new)
    )
    for name in _names(before, after):
        yield Duration(name=name, old=before.get(name), new=after.get(name))


def _both(old: Mapping[str, RunStep], new: Mapping[str, RunStep]) -> list[str]:
    """Return the steps that both runs know the work of."""
    return [
        name
        for name, step in new.items()
        if name in old and _known(step) and _known(old[name]) and step.key != old[name].key
    ]


def _known(step: RunStep) -> bool:
    return bool(step.code or step.inputs or step.outputs)


def _names(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def to_json(found: Difference) -> dict[str, JSON]:
    """Return the JSON form."""
    return {
        "old": _run_json(found.old),
        "new": _run_json(found.new),
        "params": [{"name": one.name, "old": one.old, "new": one.new} for one in found.params],
        "metrics": [
            {
                "name": one.name,
                "old": None if one.old is None else measures.to_json(one.old),
                "new": None if one.new is None else measures.to_json(one.new),
                "delta": one.delta,
                "overlap": one.overlap,
            }
            for one in found.metrics
        ],
        "code": [
            {
                "pipeline": one.pipeline,
                "file": one.file,
                "old": one.old,
                "new": one.new,
                "steps": list(one.steps),
            }
            for one in found.code
        ],
        "data": [
            {"name": one.name, "old": _made_json(one.old), "new": _made_json(one.new)}
            for one in found.data
        ],
        "environment": [
            {"name": one.name, "old": one.old, "new": one.new} for one in found.environment
        ],
        "durations": [
            {"name": one.name, "old": one.old, "new": one.new} for one in found.durations
        ],
        "unknown": list(found.unknown),
    }


def _run_json(run: Run) -> JSON:
    return {
        "id": run.id,
        "at": run.at,
        "status": run.status,
        "commit": run.commit,
        "dirty": bool(run.dirty),
        "branch": run.branch,
        "who": run.who,
        "seconds": run.seconds,
    }


def _made_json(made: Made | None) -> JSON:
    if made is None:
        return None
    return {"digest": made.digest, "format": made.format, "size": made.size, "rows": made.rows}
