"""Remove from the remote what nobody needs.

Needed is what ``flow.gc`` keeps here, and for the same reasons, with all that it names in turn; and
what was shared in the last days. Nobody pushes meanwhile (``flow.sharing``). A registry is told to
forget manifests, and removes by itself the bytes that none names; of a bucket the bytes go as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, StoreError
from mlgitops.core.holdings import Share, named, shares
from mlgitops.core.remotes import RELEASE, STEP, blobs_of, created, read_step
from mlgitops.flow.gc import GRACE
from mlgitops.flow.needs import named_in_git
from mlgitops.flow.push import remote_of
from mlgitops.flow.seams import Seams
from mlgitops.flow.sharing import collecting, shared
from mlgitops.store.remote import Remote

_PATIENCE: Final = 600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCollected:
    """What is kept and what went, by reason: ``count`` is of names, bytes of what they name.

    ``blobs`` and ``bytes``: what was removed of a bucket beside names; None of a registry, which
    removes bytes itself.
    """

    place: str
    kept: tuple[Share, ...]
    removed: tuple[Share, ...]
    blobs: int | None
    bytes: int
    dry_run: bool


@dataclass(slots=True)
class _Held:
    """What stands under a name. ``texts``: of what it holds, that names others."""

    name: str
    blobs: Mapping[Digest, int]
    texts: tuple[bytes, ...]
    when: datetime | None
    about: str
    reason: str | None = field(default=None)

    @property
    def size(self) -> int:
        return sum(self.blobs.values())


def gc_remote(
    seams: Seams, *, days: int, dry_run: bool = False, patience: float = _PATIENCE
) -> RemoteCollected:
    """Remove what nobody needs from the remote; ``days``: of the ledger, and of what was shared.

    Raises TryLater when somebody pushes for longer than ``patience`` seconds.
    """
    remote = remote_of(seams)
    would = _collect(seams, remote, days, dry_run=True)
    if dry_run or not (would.removed or would.blobs):
        return replace(would, dry_run=dry_run)
    with collecting(remote, seams.clock, seams.say, patience):
        return _collect(seams, remote, days, dry_run=False)


def _collect(seams: Seams, remote: Remote, days: int, *, dry_run: bool) -> RemoteCollected:
    # What others pinned and tagged until now; whoever pushes after this waits.
    seams.repository.fetch()
    since = seams.clock() - timedelta(days=days)
    roots = named_in_git(seams, since)
    held = list(_held(remote))
    recent = max(since, seams.clock() - timedelta(days=36_500))
    grace = seams.clock() - timedelta(seconds=GRACE)
    for one in held:
        if one.when is None or one.when > grace:
            one.reason = "shared within the last hour" if one.when else "cannot be read"
        elif one.when > recent:
            one.reason = f"shared in the last {days} days"
    _keep(held, roots)
    kept = [one for one in held if one.reason is not None]
    gone = [one for one in held if one.reason is None]
    if not dry_run:
        for one in gone:
            remote.unpublish(one.name)
    blobs, size = _bytes(remote, kept, grace.timestamp(), dry_run=dry_run)
    return RemoteCollected(
        place=remote.place,
        kept=shares((one.reason or "", one.size) for one in kept),
        removed=shares((one.about, one.size) for one in gone),
        blobs=blobs,
        bytes=size,
        dry_run=dry_run,
    )


def _held(remote: Remote) -> Iterator[_Held]:
    for name, manifest, used in shared(remote):
        texts, about = [manifest], "a release that no tag names"
        when = None if used is None else datetime.fromtimestamp(used, UTC)
        try:
            blobs: Mapping[Digest, int] = blobs_of(manifest)
            if name.startswith(STEP):
                step = read_step(manifest)
                about, blobs = "results that nothing names", step.blobs
                texts += [step.data] if step.data is not None else []
        except StoreError:
            yield _Held(name, {}, (), None, about)  # `fsck --remote` says what is wrong with it
            continue
        if when is None and (text := created(manifest)) is not None:
            when = _moment(text)
        if when is None and name.startswith(RELEASE):
            # Its tag says that it is needed; a registry says no time.
            when = datetime.fromtimestamp(0, UTC)
        yield _Held(name, blobs, tuple(texts), when, about)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _keep(held: Iterable[_Held], roots: Mapping[Digest, str]) -> None:
    """Give a reason to all that is named, by its key or what it holds, and to what that names."""
    by_digest: dict[Digest, list[_Held]] = defaultdict(list)
    todo: list[_Held] = []
    for one in held:
        for digest in {*one.blobs, *_key(one.name)}:
            by_digest[digest].append(one)
            if one.reason is None and digest in roots:
                one.reason = roots[digest]
        if one.reason is not None:
            todo.append(one)
    while todo:
        one = todo.pop()
        for text in one.texts:
            for digest in named(text):
                for other in by_digest.get(digest, ()):
                    if other.reason is None:
                        other.reason = one.reason
                        todo.append(other)


def _key(name: str) -> set[Digest]:
    return {Digest("sha256:" + name.removeprefix(STEP))} if name.startswith(STEP) else set()


def _bytes(
    remote: Remote, kept: Iterable[_Held], grace: float, *, dry_run: bool
) -> tuple[int | None, int]:
    listed = remote.blobs()
    if listed is None:
        return None, 0
    needed = {digest for one in kept for digest in one.blobs}
    count = size = 0
    for digest, length, written in list(listed):
        if digest not in needed and written < grace:
            count, size = count + 1, size + length
            if not dry_run:
                remote.drop(digest)
    return count, size


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDefect:
    """Something in a remote that is not as it was shared."""

    name: str
    message: str


def fsck_remote(seams: Seams, *, read: bool = False) -> tuple[RemoteDefect, ...]:
    """Return what is wrong in the remote: manifests, and blobs that are gone or of another size.

    ``read``: every byte is fetched and compared.
    """
    from concurrent.futures import ThreadPoolExecutor

    from mlgitops.flow.sharing import BLOBS_AT_ONCE

    remote, found = remote_of(seams), []
    owners: dict[tuple[Digest, int], str] = {}
    for name, manifest, _ in shared(remote):
        try:
            step = name.startswith(STEP)
            blobs = read_step(manifest).blobs if step else blobs_of(manifest)
        except MlgitopsError as error:
            found.append(RemoteDefect(name=name, message=error.message))
            continue
        for piece in blobs.items():
            owners.setdefault(piece, name)

    def look(piece: tuple[Digest, int]) -> str | None:
        digest, size = piece
        there = remote.size(digest)
        if there is None:
            return f"{digest} is gone"
        if there != size:
            return f"{digest} has {there} bytes there, and {size} were shared"
        return _differs(remote, digest, size) if read else None

    with ThreadPoolExecutor(BLOBS_AT_ONCE, thread_name_prefix="fsck") as pool:
        messages = pool.map(look, list(owners))
        for name, message in zip(owners.values(), messages, strict=True):
            if message is not None:
                found.append(RemoteDefect(name=name, message=message))
    return tuple(found)


def _differs(remote: Remote, digest: Digest, size: int) -> str | None:
    import hashlib

    hasher = hashlib.sha256()
    try:
        with remote.read(digest, size) as stream:
            while piece := stream.read(1 << 20):
                hasher.update(piece)
    except MlgitopsError as error:
        return error.message
    sent = f"sha256:{hasher.hexdigest()}"
    return None if sent == digest else f"{digest} holds other bytes there ({sent})"
