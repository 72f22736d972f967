"""Settings → Store, Forge, Executor, Targets. The only module that names implementations."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mlgitops import settings
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from mlgitops.core.events import Event
    from mlgitops.core.promotions import Page
    from mlgitops.core.provenance import Builder
    from mlgitops.executor import Executor
    from mlgitops.forge import Forge
    from mlgitops.signing import Signer
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
    from mlgitops.store.local import LocalStore
    from mlgitops.target.compose import Compose
    from mlgitops.target.kserve import KServe
    from mlgitops.target.kubernetes import Kubernetes

    return Seams(
        repository=given.repository,
        store=LocalStore(given.store),
        forge=cast("Forge", _Later(partial(_forge, given))),
        executor=cast("Executor", _Later(partial(_executor, given))),
        targets={"compose": Compose(), "kubernetes": Kubernetes(), "kserve": KServe()},
        clock=_now,
        say=say,
        watch=watch or _in_lines(say),
        page=_page,
        branch=given.project.spec.defaults.branch,
        python=sys.executable,
        ci=given.ci,
        ci_page=given.ci_page,
        builder=cast("Builder", _Later(partial(_builder, given))),
        signer=_signer(given),
    )


def _builder(given: settings.Settings) -> Builder:
    from mlgitops import __version__
    from mlgitops.core.provenance import PERSON, Builder

    return Builder(
        id=given.workflow or PERSON,
        version=__version__,
        invocation=given.ci_page,
        repository=given.repository.url(),
    )


def _signer(given: settings.Settings) -> Signer | None:
    match given.project.spec.signing.with_:
        case None:
            return None
        case "key":
            from mlgitops.signing.keys import KeySigner

            return KeySigner(given.signing_key, given.signing_password)
        case "ssh":
            from mlgitops.signing.ssh import SshSigner

            git = given.repository
            return SshSigner(git.setting("user.signingKey"), git.setting("gpg.ssh.program"))
        case "keyless":
            from mlgitops.signing.keyless import KeylessSigner

            return KeylessSigner()


class _Later:
    """Stands for what ``make`` returns, and asks for it when it is needed first.

    A plan, and a run that finds nothing to do, need neither a forge nor processes.
    """

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> object:
        with self._lock:
            if "_made" not in self.__dict__:
                self._made = self._make()
        return getattr(self._made, name)


def _forge(given: settings.Settings) -> Forge:
    kind = given.project.spec.forge.type
    if kind != "local":
        from mlgitops.forge.absent import AbsentForge

        return AbsentForge(kind=kind, at=given.project.mark("forge", "type"))
    from mlgitops.forge.local import LocalForge

    return LocalForge(given.repository, clock=_now)


def _executor(given: settings.Settings) -> Executor:
    from mlgitops.executor.process import ProcessExecutor

    return ProcessExecutor(prepared=given.prepared)


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
