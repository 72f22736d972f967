"""Have the libraries of the steps to come imported while the first ones run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.graphs import makers
from mlgitops.executor import Job, Worker
from mlgitops.flow.checkout import Checkout, Node
from mlgitops.flow.jobs import environment, worker
from mlgitops.flow.preparing import forked, worker_of
from mlgitops.flow.resources import threads


def expect(checkout: Checkout, nodes: Sequence[Node], first: Node, default: int) -> None:
    """Tell the executor of the workers that are likely to run now that ``first`` does.

    ``nodes``: all that is meant, in their order; those after ``first`` count. ``default``: their
    threads. What is wrong with one of them is said when it runs.
    """
    scope = (first.pipeline.spec.name, first.variant)
    names = {first.step.name}
    jobs: dict[tuple[tuple[str, str], ...], Job] = {}
    for node in nodes:
        if (node.pipeline.spec.name, node.variant) != scope:
            continue
        if node.step.name not in names and not names.intersection(makers(node.step)):
            continue
        names.add(node.step.name)
        if not forked(node):
            continue
        try:
            job = _job(checkout, node, threads(node, default))
        except MlgitopsError:
            continue
        key = tuple(job.environment.items())
        jobs[key] = _together(jobs[key], job) if key in jobs else job
    for job in jobs.values():
        checkout.seams.executor.expect(job)


def _job(checkout: Checkout, node: Node, cores: int) -> Job:
    """Return the like of the job that will run, as far as it can be known."""
    nowhere = Path()
    formats = {output.format for output in node.step.outputs.values()}
    return Job(
        name=node.name,
        argv=worker(checkout, nowhere),
        directory=nowhere,
        environment=environment(checkout, node, nowhere, cores),
        log=nowhere,
        timeout=0,
        worker=worker_of(checkout, node, formats, calls=True),
    )


def _together(one: Job, other: Job) -> Job:
    assert one.worker is not None and other.worker is not None
    imports = tuple(dict.fromkeys((*one.worker.imports, *other.worker.imports)))
    return replace(one, worker=Worker(imports=imports, folders=()))
