"""Which steps a person means by the words on the command line, and which of them run anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlgitops.core.digests import JSON
from mlgitops.core.errors import UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.graphs import ancestors, descendants, makers, step_order
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.unsupported import refuse
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.machine import cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was asked for.

    ``until``: this step and those that it needs. ``only``: this step, when its inputs are known.
    ``start``: this step and all behind it anew. ``force``: all anew, as if nothing were known.
    ``params``: values that take the place of those in the spec.
    """

    pipeline: str | None = None
    until: str | None = None
    only: str | None = None
    start: str | None = None
    force: bool = False
    params: Mapping[str, JSON] = field(default_factory=dict)

    def asked(self) -> dict[str, JSON]:
        """Return what was asked for, in the words of the command line."""
        words: dict[str, JSON] = {
            "pipeline": self.pipeline,
            "until": self.until,
            "only": self.only,
            "from": self.start,
            "force": self.force,
            "params": dict(self.params),
        }
        return {name: value for name, value in words.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """One step that is looked at.

    ``because``: why it runs although its work may be known. ``known``: it has to be known.
    """

    node: Node
    because: str | None = None
    known: bool = False


def meant(workspace: Workspace, choice: Choice, variant: str = "") -> tuple[Meant, ...]:
    """Return the steps that are meant, each after what it needs.

    UsageError for a name that there is not; SpecError when one of the steps says what this version
    does not do yet.
    """
    names = [name for name in (choice.until, choice.only, choice.start) if name is not None]
    if len(names) > 1:
        raise UsageError("only one of --until, --only and --from says which steps are meant")
    found: list[Meant] = []
    for located in _pipelines(workspace, choice, names):
        steps = _steps(located.spec, choice)
        refuse(located, {name for name in steps if not steps[name].known})
        found += [
            Meant(
                node=Node(pipeline=located, step=step, variant=variant),
                because=steps[step.name].because,
                known=steps[step.name].known,
            )
            for step in step_order(located.spec)
            if step.name in steps
        ]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _How:
    because: str | None = None
    known: bool = False


def _steps(pipeline: Pipeline, choice: Choice) -> Mapping[str, _How]:
    """Return the steps of one pipeline that are meant."""
    how = _How("--force" if choice.force else None)
    if choice.only is not None:
        before = dict.fromkeys(ancestors(pipeline, choice.only), _How(known=True))
        return {**before, choice.only: how}
    if choice.until is not None:
        return dict.fromkeys((choice.until, *ancestors(pipeline, choice.until)), how)
    if choice.start is not None:
        anew = (choice.start, *descendants(pipeline, choice.start))
        before = {name: how for one in anew for name in ancestors(pipeline, one)}
        return {**before, **dict.fromkeys(anew, _How(f"--from {choice.start}"))}
    return {step.name: how for step in pipeline.steps}


def _pipelines(
    workspace: Workspace, choice: Choice, steps: Sequence[str]
) -> Iterable[Located[Pipeline]]:
    known, name = workspace.pipelines, choice.pipeline
    if name is not None and name not in known:
        raise UsageError(f"there is no pipeline {name!r}", hint=_choice(name, known))
    names = [name] if name is not None else sorted(known)
    for step in steps:
        names = _having(workspace, names, step)
    return overridden([known[one] for one in names], choice.params)


def _having(workspace: Workspace, names: Sequence[str], step: str) -> list[str]:
    having = [name for name in names if step in workspace.pipelines[name].spec.by_name]
    if not having:
        steps = [one.name for name in names for one in workspace.pipelines[name].spec.steps]
        raise UsageError(f"there is no step {step!r}", hint=_choice(step, steps))
    if len(having) > 1:
        raise UsageError(
            f"{' and '.join(having)} each have a step {step!r}", hint="name the pipeline too"
        )
    return having


def overridden(
    pipelines: Sequence[Located[Pipeline]], params: Mapping[str, JSON]
) -> tuple[Located[Pipeline], ...]:
    """Return the pipelines with other values of their params; UsageError for one that none has."""
    known = {name for located in pipelines for name in located.spec.params}
    for name in params:
        if name not in known:
            raise UsageError(f"there is no param {name!r}", hint=_choice(name, sorted(known)))
    return tuple(_with(located, params) for located in pipelines)


def _with(located: Located[Pipeline], params: Mapping[str, JSON]) -> Located[Pipeline]:
    mine = {name: value for name, value in params.items() if name in located.spec.params}
    if not mine:
        return located
    spec = located.spec.model_copy(update={"params": {**located.spec.params, **mine}})
    return Located(spec=spec, document=located.document)


def _choice(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known) or f"there are: {', '.join(known) or 'none'}"


def threads_of(checkout: Checkout) -> int:
    """Return how many threads a step may use that asks for no cores: a part of the machine's.

    It follows from the specs and the machine alone, never from what happens to run: a sum over more
    threads can differ in its last bit, and with it a model's bytes.
    """
    return max(1, cores() // (checkout.widest or widest(checkout.workspace)))


def widest(workspace: Workspace) -> int:
    """Return how many steps of all pipelines may run side by side."""
    widths = Counter[int]()
    for located in workspace.pipelines.values():
        level: dict[str, int] = {}
        for step in step_order(located.spec):
            level[step.name] = 1 + max((level[maker] for maker in makers(step)), default=0)
        widths.update(level.values())
    return max(1, *widths.values())
