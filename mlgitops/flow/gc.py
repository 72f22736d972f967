"""Remove from the store what nobody needs.

Needed is what can be named from: every branch, tag and open pull request (pins, snapshots, records
of promotions, release documents), the files here as they are now, the ledger's last days, and work
that was used in these days; and whatever those name in turn. What was put or used within the last
hour stays, and so does what came since the oldest process that works with the store began.

A run at the same time loses nothing: what it uses again it marks as used, under a lock that
excludes the look at that mark and the removal after it (see ``Store.forget``). First keys go, then
what no key that is left leads to, so that a death at any moment leaves a store that is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mlgitops.core.digests import Digest, of_value
from mlgitops.core.errors import MlgitopsError, StoreError, TryLater
from mlgitops.core.holdings import Blob, Key, Share, needed, shares
from mlgitops.core.layouts import Root
from mlgitops.core.records import from_bytes
from mlgitops.flow.needs import named_in_git
from mlgitops.flow.releases import releases
from mlgitops.flow.seams import Seams

GRACE: Final = 3600.0  # seconds
_LOCK: Final = of_value("gc")
_JSON_MAX: Final = 256 << 20  # bytes; nothing that names others is as large
_RECENT: Final = "put or used within the last hour, or in use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What is kept and what went (or would go, in a ``dry_run``), by reason; keys by number."""

    kept: tuple[Share, ...]
    removed: tuple[Share, ...]
    keys_kept: int
    keys_removed: int
    dry_run: bool


def gc(
    seams: Seams,
    *,
    days: int,
    dry_run: bool = False,
    offline: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Collected:
    """Remove what nobody needs (see above); ``days``: of the ledger, and of work used here.

    Raises TryLater when another one is at it, StoreError when what is needed cannot be told
    because the store is damaged.
    """
    if dry_run:
        return _Gc(seams, days, dry_run, progress).collect(offline)

    def waiting() -> None:
        raise TryLater("another `mlgitops gc` is at work in this store")

    with seams.store.lock(_LOCK, waiting):
        return _Gc(seams, days, dry_run, progress).collect(offline)


class _Gc:
    def __init__(
        self, seams: Seams, days: int, dry_run: bool, progress: Callable[[int, int], None]
    ) -> None:
        self._seams, self._store, self._dry_run = seams, seams.store, dry_run
        self._progress = progress
        self._days = days
        now = seams.clock()
        self._since = now - timedelta(days=days)
        began = self._store.busy()
        self._recent = min(now.timestamp(), began or now.timestamp()) - GRACE
        self._old = min(self._since.timestamp(), self._recent)

    def collect(self, offline: bool) -> Collected:
        if not offline:
            self._seams.repository.fetch()
        roots = named_in_git(self._seams, self._since)
        keys = list(self._store.remembered())
        left = self._settle_keys(keys, roots)
        sizes = {blob.digest: blob.size for blob in self._store.blobs()}
        reasons = needed(roots, sizes, lambda digest: self._text(digest, sizes[digest]))
        if not self._dry_run:
            self._name_releases(sizes)
        kept, removed = self._sweep(reasons)
        return Collected(
            kept=kept,
            removed=removed,
            keys_kept=left,
            keys_removed=len(keys) - left,
            dry_run=self._dry_run,
        )

    def _settle_keys(self, keys: list[Key], roots: dict[Digest, str]) -> int:
        """Remove old keys that nothing names; what the others remember is needed."""
        left = 0
        for key in keys:
            reason = roots.get(key.key)
            old = reason is None and key.used < self._old
            if old and (self._dry_run or self._store.forget(key.key, self._old)):
                continue
            left += 1
            if key.record is not None:
                recent = key.used >= self._recent
                own = _RECENT if recent else f"work of the last {self._days} days"
                roots.setdefault(key.record, reason or own)
        return left

    def _text(self, digest: Digest, size: int) -> bytes | None:
        """Return the bytes of a blob that may name others: a JSON object."""
        if size > _JSON_MAX:
            return None
        try:
            with self._store.open(digest) as stream:
                if stream.read(1) != b"{":
                    return None
            return self._store.read(digest)
        except StoreError as error:
            if not self._store.has(digest):
                return None
            raise StoreError(
                f"what is needed cannot be told: {error.message}",
                hint="`mlgitops fsck --repair` first; nothing was removed",
            ) from error

    def _sweep(self, reasons: Mapping[Digest, str]) -> tuple[tuple[Share, ...], tuple[Share, ...]]:
        kept: list[tuple[str, int]] = []
        garbage: list[Blob] = []
        for blob in self._store.blobs():
            reason = reasons.get(blob.digest)
            if reason is None and blob.used >= self._recent:
                reason = _RECENT
            if reason is None:
                garbage.append(blob)
            else:
                kept.append((reason, blob.size))
        owners = dict(self._owners(garbage))
        removed: list[tuple[str, int]] = []
        for number, blob in enumerate(garbage):
            self._progress(number, len(garbage))
            if self._dry_run or self._store.drop(blob.digest, self._recent):
                removed.append((owners.get(blob.digest, "nothing names it"), blob.size))
            else:
                kept.append((_RECENT, blob.size))
        return shares(kept), shares(removed)

    def _owners(self, garbage: list[Blob]) -> Iterator[tuple[Digest, str]]:
        """Yield of what steps the garbage was: some of it is their records."""
        for blob in garbage:
            try:
                data = self._text(blob.digest, blob.size)
                record = from_bytes(data) if data and data.startswith(b"{") else None
            except MlgitopsError:
                continue
            if record is not None:
                name = f"{record.pipeline}.{record.step}"
                yield blob.digest, name
                if record.log is not None:
                    yield record.log, name
                yield from ((made.digest, name) for made in record.outputs.values())

    def _name_releases(self, sizes: Mapping[Digest, int]) -> None:
        """Let ``index.json`` name the releases that are here, and nothing else."""
        known = releases(self._seams.repository)
        named = {
            one.tag: Root(one.digest, sizes[one.digest]) for one in known if one.digest in sizes
        }
        self._store.name(named)
