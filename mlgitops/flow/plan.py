"""Say which steps would run, and why. Nothing is written and no step's library is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mlgitops.core.digests import JSON
from mlgitops.core.plans import Decision, Execute, Plan, Reuse, Skip
from mlgitops.core.records import Record
from mlgitops.core.results import SKIPPED, Result
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.choosing import Choice, Meant, meant
from mlgitops.flow.deciding import decide_step, look
from mlgitops.flow.seams import Seams


def plan(
    seams: Seams,
    workspace: Workspace,
    root: Path,
    *,
    pipeline: str | None = None,
    until: str | None = None,
    force: bool = False,
    params: Mapping[str, JSON] | None = None,
) -> Plan:
    """Return what ``run`` would do with each step, in an order that it could do it in.

    ``until``: only this step and those that it needs. ``force``: as if nothing were known, except
    of sources, which ``refresh`` asks anew. ``params``: values in place of the spec's.
    """
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    choice = Choice(pipeline=pipeline, until=until, force=force, params=params or {})
    made: dict[str, dict[str, Result]] = {}
    decisions: list[Decision] = []
    for one in meant(workspace, choice):
        known = made.setdefault(one.node.pipeline.spec.name, {})
        decisions += _decisions(checkout, one, known)
    for note in checkout.lock_notes():
        seams.say(f"note: {note}")
    return tuple(decisions)


def _decisions(checkout: Checkout, one: Meant, made: dict[str, Result]) -> Iterator[Decision]:
    """Yield what is to be done with a step or its elements; ``made`` gets what is known of it."""
    name, seen = one.node.step.name, look(checkout, one.node, made)
    match seen:
        case Node():
            decision = decide_step(checkout, seen, made, because=one.because)
            if isinstance(decision, Reuse):
                made[name] = decision.record
            yield decision
        case Skip():
            made[name] = SKIPPED
            yield seen
        case Execute():
            yield seen
        case _:
            records: list[Record] = []
            for node in seen.nodes:
                decision = decide_step(checkout, node, made, because=one.because)
                if isinstance(decision, Reuse):
                    records.append(decision.record)
                yield decision
            if len(records) == len(seen.nodes):
                made[name] = tuple(records)
