"""Settings → Store, Forge, Executor, Targets. The only module that names implementations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlgitops import settings
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from mlgitops.core.events import Event
    from mlgitops.core.promotions import Page
    from mlgitops.forge import Forge
    from mlgitops.store import Store


def open_project(args: argparse.Namespace) -> Seams:
    """Return the seams of the repository that ``-C DIR`` (or the present folder) is in.

    ``args.say``, which the command line sets, shows the lines of progress; ``args.watch``, where a
    command sets it, what happens in a run.
    """
    watch = getattr(args, "watch", None)
    return seams(settings.read(Path(args.directory)), say=args.say, watch=watch)


def open_store(args: argparse.Namespace) -> Store:
    """Return the store that ``MLGITOPS_STORE`` names, outside a repository too; else its own."""
    from mlgitops.store.local import LocalStore

    return LocalStore(settings.shared_store() or settings.read(Path(args.directory)).store)


def seams(
    given: settings.Settings,
    *,
    say: Callable[[str], None],
    watch: Callable[[Event], None] | None = None,
) -> Seams:
    """Return what the verbs may touch. Without ``watch``, a run is told line by line."""
    from mlgitops.executor.process import ProcessExecutor
    from mlgitops.forge.absent import AbsentForge
    from mlgitops.forge.local import LocalForge
    from mlgitops.store.local import LocalStore
    from mlgitops.target.compose import Compose
    from mlgitops.target.kserve import KServe
    from mlgitops.target.kubernetes import Kubernetes

    branch, kind = given.project.spec.defaults.branch, given.project.spec.forge.type
    forge: Forge = LocalForge(given.repository, clock=_now)
    if kind != "local":
        forge = AbsentForge(kind=kind, at=given.project.mark("forge", "type"))
    return Seams(
        repository=given.repository,
        store=LocalStore(given.store),
        forge=forge,
        executor=ProcessExecutor(prepared=given.prepared),
        targets={"compose": Compose(), "kubernetes": Kubernetes(), "kserve": KServe()},
        clock=_now,
        say=say,
        watch=watch or _in_lines(say),
        page=_page,
        branch=branch,
        python=sys.executable,
        ci=given.ci,
        ci_page=given.ci_page,
    )


def _in_lines(say: Callable[[str], None]) -> Callable[[Event], None]:
    from mlgitops.report.progress import lines

    def watch(event: Event) -> None:
        for line in lines(event):
            say(line)

    return watch


def _page(page: Page) -> str:
    from mlgitops.report.promotion import body

    return body(page)


def _now() -> datetime:
    return datetime.now(UTC)
