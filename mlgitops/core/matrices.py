"""Share what a plan would run out among the jobs of a workflow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum
from typing import Final

from mlgitops.core.digests import JSON, Digest
from mlgitops.core.plans import Decision, Execute

# As many jobs as a matrix of GitHub Actions may have.
AT_MOST: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Pipelines that one job runs. ``seconds``: what their steps took last time, as far as known.

    ``steps``: how many have to run, those that wait for others included.
    """

    pipelines: tuple[str, ...]
    steps: int
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """A name for people: of one pipeline, and how many more."""
        more = len(self.pipelines) - 1
        return self.pipelines[0] + (f" and {more} more" if more else "")


def groups(plan: Iterable[Decision], at_most: int = AT_MOST) -> tuple[Group, ...]:
    """Return who runs what: pipelines that share work together, nothing twice, ``at_most`` groups.

    Pipelines share work when the same step key has to be done for both. A pipeline with nothing to
    do is in no group. When there are too many, the smallest are put together; equal plans give
    equal groups.
    """
    steps: dict[str, int] = {}
    seconds: dict[str, list[float]] = {}
    owner: dict[Digest, str] = {}
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one in plan:
        if not isinstance(one, Execute):
            continue
        name = one.pipeline
        parent.setdefault(name, name)
        steps[name] = steps.get(name, 0) + 1
        seconds.setdefault(name, []).append(one.usual or 0.0)
        if one.key is not None:
            other = owner.setdefault(one.key, name)
            parent[root(name)] = root(other)
    found: dict[str, list[str]] = {}
    for name in steps:
        found.setdefault(root(name), []).append(name)
    made = [
        Group(
            pipelines=tuple(sorted(names)),
            steps=sum(steps[name] for name in names),
            seconds=fsum(each for name in names for each in seconds[name]),
        )
        for names in found.values()
    ]
    return tuple(sorted(_packed(made, at_most), key=lambda one: one.pipelines))


def _packed(made: list[Group], at_most: int) -> list[Group]:
    """Return at most so many groups of about the same length: the longest first, each to the
    shortest so far (Graham's rule, at most a third longer than the best).
    """
    if len(made) <= at_most:
        return made
    import heapq

    bins: list[tuple[float, int, int, list[Group]]] = [(0.0, 0, n, []) for n in range(at_most)]
    heapq.heapify(bins)
    for one in sorted(made, key=lambda one: (-one.seconds, -one.steps, one.pipelines)):
        seconds, steps, number, inside = heapq.heappop(bins)
        inside.append(one)
        heapq.heappush(bins, (seconds + one.seconds, steps + one.steps, number, inside))
    return [
        Group(
            pipelines=tuple(sorted(name for one in inside for name in one.pipelines)),
            steps=steps,
            seconds=seconds,
        )
        for seconds, steps, _, inside in bins
    ]


def to_json(found: Iterable[Group]) -> JSON:
    """Return ``{"include": [{"name", "pipelines", "steps"}]}``: a matrix of GitHub Actions.

    ``pipelines``: their names with spaces between them, since a matrix holds plain values.
    """
    return {
        "include": [
            {"name": one.name, "pipelines": " ".join(one.pipelines), "steps": one.steps}
            for one in found
        ]
    }
