"""Graphs of named things: what comes before what, and which names go round in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlgitops.core.errors import SpecError
from mlgitops.core.references import referenced
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.pipelines import Pipeline, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Names that wait for one another: each needs the next, and the last needs the first."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return " → ".join((*self.names, self.names[0]))


def order(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...] | Cycle:
    """Return the names, each after all that it needs and else as given; or one cycle.

    A needed name that is no key of ``needs`` is left out: it is another rule's finding.
    """
    done: dict[str, None] = {}
    for start in needs:
        path: dict[str, list[str]] = {}
        if start not in done:
            path[start] = _open(needs, start)
        while path:
            name = next(reversed(path))
            if not path[name]:
                path.popitem()
                done[name] = None
                continue
            wanted = path[name].pop()
            if wanted in path:
                names = list(path)
                return Cycle(names=tuple(names[names.index(wanted) :]))
            if wanted not in done:
                path[wanted] = _open(needs, wanted)
    return tuple(done)


def cycles(needs: Mapping[str, Iterable[str]]) -> Iterator[Cycle]:
    """Yield cycles until none is left, none of which shares a name with another."""
    while isinstance(found := order(needs), Cycle):
        yield found
        needs = {name: wanted for name, wanted in needs.items() if name not in found.names}


def _open(needs: Mapping[str, Iterable[str]], name: str) -> list[str]:
    return [wanted for wanted in needs[name] if wanted in needs][::-1]


def step_inputs(step: Step) -> tuple[tuple[str, str, str], ...]:
    """Return (input, step, output) of each input that another step makes."""
    found = []
    for name, source in step.inputs.items():
        if isinstance(source, str):
            maker, _, output = source.partition(".")
            found.append((name, maker, output))
    return tuple(found)


def step_needs(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """Return each step's name with those of the steps whose outputs it reads or asks about."""
    return {step.name: makers(step) for step in pipeline.steps}


def makers(step: Step) -> tuple[str, ...]:
    """Return the names of the steps whose outputs a step reads or asks about."""
    if step.when is None and step.foreach is None:
        return tuple(dict.fromkeys(maker for _, maker, _ in step_inputs(step)))
    return tuple(
        dict.fromkeys(
            (
                *(maker for _, maker, _ in step_inputs(step)),
                *(owner for owner, _ in referenced(step) if owner != "params"),
            )
        )
    )


def step_order(pipeline: Pipeline) -> tuple[Step, ...]:
    """Return the steps, each after those that it reads from; SpecError when they form a cycle."""
    names = order(step_needs(pipeline))
    if isinstance(names, Cycle):
        raise SpecError(f"the steps of {pipeline.name!r} wait for one another: {names}")
    by_name = {step.name: step for step in pipeline.steps}
    return tuple(by_name[name] for name in names)


def ancestors(pipeline: Pipeline, step: str) -> frozenset[str]:
    """Return the names of all steps that ``step`` depends on, without itself."""
    return reachable(step_needs(pipeline), step)


def descendants(pipeline: Pipeline, step: str) -> frozenset[str]:
    """Return the names of all steps that depend on ``step``, without itself."""
    used: dict[str, list[str]] = {other.name: [] for other in pipeline.steps}
    for name, needed in step_needs(pipeline).items():
        for maker in needed:
            used.setdefault(maker, []).append(name)
    return reachable(used, step)


def environment_order(environments: Iterable[Environment]) -> tuple[Environment, ...]:
    """Return the environments, each after those named in ``after``; SpecError for a cycle."""
    by_name = {environment.name: environment for environment in environments}
    names = order({name: environment.after for name, environment in by_name.items()})
    if isinstance(names, Cycle):
        raise SpecError(f"the environments wait for one another: {names}")
    return tuple(by_name[name] for name in names)


def reachable(edges: Mapping[str, Iterable[str]], start: str) -> frozenset[str]:
    """Return every name that can be reached from ``start``, without itself."""
    found: set[str] = set()
    todo = list(edges.get(start, ()))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(edges.get(name, ()))
    return frozenset(found - {start})
