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
from mlgitops.core.errors import MlgitopsError
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from mlgitops.core.digests import Digest
    from mlgitops.core.events import Event
    from mlgitops.core.promotions import Page
    from mlgitops.core.provenance import Builder
    from mlgitops.core.remotes import SharedStep
    from mlgitops.executor import Executor
    from mlgitops.forge import Forge
    from mlgitops.signing import Signer
    from mlgitops.store import Store
    from mlgitops.store.remote import Remote


def open_project(args: argparse.Namespace) -> Seams:
    """Return the seams of the repository that ``-C DIR`` (or the present folder) is in.

    ``args.say``, which the command line sets, shows the lines of progress; ``args.watch``, where a
    command sets it, what happens in a run.
    """
    watch = getattr(args, "watch", None)
    offline = getattr(args, "offline", False)
    return seams(settings.read(Path(args.directory)), say=args.say, watch=watch, offline=offline)


def open_store(args: argparse.Namespace) -> Store:
    """Return the store that ``MLGITOPS_STORE`` names, outside a repository too; else its own."""
    from mlgitops.store.local import LocalStore

    shared = settings.shared_store()
    if shared is not None:
        try:
            given = settings.read(Path(args.directory))
        except MlgitopsError:
            return LocalStore(shared)
    else:
        given = settings.read(Path(args.directory))
    return _store(given, _remotes(given, offline=False), args.say)


def seams(
    given: settings.Settings,
    *,
    say: Callable[[str], None],
    watch: Callable[[Event], None] | None = None,
    offline: bool = False,
) -> Seams:
    """Return what the verbs may touch. Without ``watch``, a run is told line by line."""
    from mlgitops.target.compose import Compose
    from mlgitops.target.kserve import KServe
    from mlgitops.target.kubernetes import Kubernetes

    remotes = _remotes(given, offline=offline)
    return Seams(
        repository=given.repository,
        store=_store(given, remotes, say),
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
        remote=remotes.get("remote"),
        previews=remotes.get("previews"),
    )


def _remotes(given: settings.Settings, *, offline: bool) -> dict[str, Remote]:
    """Return the remotes by their keys; none is asked, or its library imported, before it must."""
    spec = given.project.spec.store
    places = {"remote": given.remote or spec.remote, "previews": spec.previews}
    return {
        key: cast("Remote", _Later(partial(_remote, place)))
        for key, place in places.items()
        if place is not None and not offline
    }


def _remote(place: str) -> Remote:
    scheme, _, rest = place.partition("://")
    if scheme != "oci":
        from mlgitops.store.remote.bucket import open_bucket

        return open_bucket(place)
    from mlgitops.store.remote.calls import Calls
    from mlgitops.store.remote.credentials import credentials
    from mlgitops.store.remote.registry import Registry

    host, _, repository = rest.partition("/")
    return Registry(Calls(host, partial(credentials, host)), repository)


def _store(
    given: settings.Settings, remotes: dict[str, Remote], say: Callable[[str], None]
) -> Store:
    if not remotes:
        from mlgitops.store.local import LocalStore

        return LocalStore(given.store)
    from mlgitops.store.shared import SharedStore, Source

    sources = (
        Source(remote=one, vouched=partial(_vouched, given, name)) for name, one in remotes.items()
    )
    return SharedStore(given.store, tuple(sources), say)


def _vouched(given: settings.Settings, place: str, key: Digest, step: SharedStep) -> bool:
    """Return whether a result of a remote counts as this machine's own."""
    match given.project.spec.store.trust if place == "remote" else "nobody":
        case "nobody":
            return False
        case "writers":
            return True
        case "signed":
            from mlgitops.files import WorkTree
            from mlgitops.flow.provenance import trusted_in, vouches

            by = trusted_in(given.project, WorkTree(given.root))
            return any(
                vouches(name, data, key, step.record, by) for name, data in step.signatures.items()
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
