"""The store on this machine with remotes behind it: what is asked for and not here is fetched."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from mlgitops.core.digests import Digest, hex_of, of_bytes, of_value, parse_digest
from mlgitops.core.errors import MlgitopsError, NotAllowed, StoreError, Unreachable
from mlgitops.core.remotes import SharedStep, read_step, step_name
from mlgitops.store.blobs import OtherBytes
from mlgitops.store.folders import Folders
from mlgitops.store.keeping import Keeping
from mlgitops.store.remote import NotThere, Remote

_TRIES: Final = 3
_HELD: Final = "remote"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A remote, and whether the result of a step in it counts as this machine's own.

    ``vouched`` answers that from what is published there, for the key of the step.
    """

    remote: Remote
    vouched: Callable[[Digest, SharedStep], bool]


class SharedStore(Folders, Keeping):
    """See ``Store``.

    A result of others that nobody vouches for is remembered under a key of its own, so that who
    must not use it (``vouched``) never sees it. What remotes hold is noted in a file, so that a
    second look asks nobody. Without an answer from a remote, what is here is used, and said.
    """

    def __init__(
        self,
        root: Path,
        sources: tuple[Source, ...],
        say: Callable[[str], None],
        *,
        strict: bool = False,
    ) -> None:
        super().__init__(root)
        self.sources = sources
        self._say = say
        self._strict = strict
        self._silent: set[str] = set()
        self._absent: set[Digest] = set()
        self._guards: dict[Digest, threading.Lock] = {}
        self._held: dict[Digest, int] | None = None

    def vouched(self) -> SharedStore:
        """See ``Store.vouched``."""
        return SharedStore(self.root, self.sources, self._say, strict=True)

    # -- bytes --------------------------------------------------------------------------------

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """See ``Store.has``: also what can be fetched."""
        if super().has(digest, size):
            return True
        found = self._elsewhere(digest)
        return found is not None and size in (None, found)

    def is_here(self, digest: Digest, size: int | None = None) -> bool:
        """See ``Store.is_here``."""
        return super().has(digest, size)

    def has_tree(self, digest: Digest) -> bool:
        """See ``Store.has_tree``. Who shares a folder shares all of it, then its result."""
        if not super().has(digest):
            return self._elsewhere(digest) is not None
        return super().has_tree(digest)

    def _opened(self, digest: Digest) -> int:
        try:
            return super()._opened(digest)
        except StoreError:
            if super().has(digest) or not self.sources:
                raise
        self._fetch(digest)
        return super()._opened(digest)

    def _fetch(self, digest: Digest) -> None:
        with self._guard:
            guard = self._guards.setdefault(digest, threading.Lock())
        with guard:
            if super().has(digest):
                return
            errors: list[MlgitopsError] = []
            size = self._sizes().get(digest)
            for source in self.sources:
                try:
                    return self._fetch_from(source.remote, digest, size)
                except MlgitopsError as error:
                    errors.append(error)
            if all(isinstance(error, NotThere) for error in errors):
                self._noted({digest: -1})
            raise errors[0]

    def _fetch_from(self, remote: Remote, digest: Digest, size: int | None) -> None:
        for attempt in range(1, _TRIES + 1):
            with remote.read(digest, size) as stream:
                try:
                    self.put(stream, expected=digest)
                    return
                except OtherBytes:
                    pass
            if attempt == _TRIES:
                raise StoreError(
                    f"{remote.place} sends other bytes than {digest} names",
                    hint="`mlgitops fsck --remote` looks at all of it",
                )

    # -- what remotes hold --------------------------------------------------------------------

    def _elsewhere(self, digest: Digest) -> int | None:
        """Return the size of bytes that some remote has, None when none has."""
        known = self._sizes().get(digest)
        if known is not None:
            return known
        if digest in self._absent:
            return None
        for source in self.sources:
            size = self._ask(source.remote, lambda remote: remote.size(digest))
            if size is not None:
                self._noted({digest: size})
                return size
        self._absent.add(digest)
        return None

    def _sizes(self) -> dict[Digest, int]:
        if self._held is None:
            found: dict[Digest, int] = {}
            with suppress(OSError):
                for line in self._notes().read_text("ascii", "replace").splitlines():
                    name, _, size = line.partition(" ")
                    with suppress(MlgitopsError, ValueError):
                        found[parse_digest(f"sha256:{name}")] = int(size)
            self._held = {digest: size for digest, size in found.items() if size >= 0}
        return self._held

    def _noted(self, blobs: dict[Digest, int]) -> None:
        """Note what a remote has; -1: it has it no more."""
        known = self._sizes()
        new = {one: size for one, size in blobs.items() if known.get(one, -1) != size}
        if not new:
            return
        lines = "".join(f"{hex_of(one)} {size}\n" for one, size in new.items())
        with self._translated("note what a remote holds"):
            self._stage()
            place = self._notes()
            place.parent.mkdir(exist_ok=True)
            # One write at the end of a file: lines of several processes do not mix.
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                os.write(handle, lines.encode("ascii"))
            finally:
                os.close(handle)
        for one, size in new.items():
            known.pop(one, None) if size < 0 else known.update({one: size})
            self._absent.discard(one)

    def _notes(self) -> Path:
        places = " ".join(source.remote.place for source in self.sources)
        return self.root / _HELD / hex_of(of_bytes(places.encode()))[:16]

    # -- results ------------------------------------------------------------------------------

    def recall(self, key: Digest, *, here: bool = False) -> Digest | None:
        """See ``Store.recall``."""
        found = super().recall(key)
        if found is None and not self._strict:
            found = super().recall(_doubtful(key))
        if found is not None or here:
            return found
        for source in self.sources:
            data = self._ask(source.remote, lambda remote: remote.manifest(step_name(key)))
            if data is None:
                continue
            try:
                step = read_step(data)
            except StoreError as error:
                self._say(f"note: {source.remote.place}: {step_name(key)[:17]}…: {error.message}")
                continue
            vouched = source.vouched(key, step)
            if self._strict and not vouched:
                continue
            self._noted(dict(step.blobs))
            record = step.record if step.data is None else self.put_bytes(step.data)
            self.remember(key if vouched else _doubtful(key), record)
            return record
        return None

    def own(self, key: Digest) -> Digest | None:
        """See ``Store.own``."""
        return super().recall(key)

    def _ask(self, remote: Remote, question: Callable[[Remote], _T | None]) -> _T | None:
        """Return an answer; None from a remote that gives none, which is said once."""
        if remote.place in self._silent:
            return None
        try:
            return question(remote)
        except (Unreachable, NotAllowed) as error:
            self._silent.add(remote.place)
            self._say(f"note: only what is here is used: {error.message}")
            return None


def _doubtful(key: Digest) -> Digest:
    """Return the key under which a result of others is remembered that nobody vouches for."""
    return of_value(["from others", key])
