"""Bring results and releases to a remote: what is missing there, many blobs at once, names last.

``gc --remote`` must remove nothing that a push counts on being there. So both say that they are at
work, each in one manifest that it writes anew every few seconds, and then look whether the other
is: a push waits for a collection to end, a collection does not begin while somebody pushes.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, StoreError, TryLater
from mlgitops.core.remotes import (
    COLLECTING,
    PUSHING,
    RELEASE,
    STEP,
    Bundle,
    blobs_of,
    created,
    marker,
)
from mlgitops.flow.snapshots import iso
from mlgitops.store import Store
from mlgitops.store.remote import Remote, RemoteRefused

BLOBS_AT_ONCE: Final = 16
_BEAT: Final = 20.0  # seconds
# Without a new word for so long, whoever was at work is dead.
_DEAD: Final = 3 * _BEAT
_ENDED: Final = "ended"
# Clocks of two machines differ by less; a word that is older is a dead one's without waiting.
_LONG_AGO: Final = 3600.0
_SAID: Final = 2.0


@dataclass(slots=True, kw_only=True)
class Sent:
    """What a push did: names that are new and that were known, blobs and bytes that were sent."""

    new: int = 0
    known: int = 0
    blobs: int = 0
    bytes: int = 0
    seconds: float = 0.0
    left_out: list[str] = field(default_factory=list)


class Pushing:
    """One push to one remote. Bundles may be added while others are on their way."""

    def __init__(
        self,
        store: Store,
        remote: Remote,
        *,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self.sent = Sent()
        self._store, self._remote, self._clock, self._say = store, remote, clock, say
        self._pool = ThreadPoolExecutor(BLOBS_AT_ONCE, thread_name_prefix="push")
        self._blobs: dict[Digest, Future[None]] = {}
        self._named: list[tuple[Bundle, Future[None]]] = []
        self._present: set[str] = set()
        self._there: set[Digest] = set()
        self._guard = threading.Lock()
        self._total = 0
        self._began = self._told = time.monotonic()
        self._stop = threading.Event()

    def __enter__(self) -> Pushing:
        """Say that a push goes on, and look what is there; waits while `gc` is at work."""
        word = f"{PUSHING}{uuid.uuid4().hex[:8]}"
        self._word = word
        self._write_word()
        _wait_for_end(self._remote, self._clock, self._say)
        self._present = {one.name for one in self._remote.names()}
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """End; what was not sent yet is not."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._heart.join()
        self.sent.seconds = time.monotonic() - self._began

    def known(self, name: str) -> bool:
        """Return whether something of this name is there whole."""
        return name in self._present

    def add(self, bundle: Bundle, data: Mapping[Digest, bytes] | None = None) -> None:
        """Bring a manifest and what it names there; ``data``: blobs that are in no store.

        What cannot be sent, since its bytes are nowhere, is left out, and why is kept.
        """
        if bundle.name in self._present:
            self.sent.known += 1
            self._there.update(bundle.blobs)
            return
        gone = [
            one
            for one, size in bundle.blobs.items()
            if one not in self._there
            and one not in (data or {})
            and not self._store.is_here(one, size)
            and self._remote.size(one) != size
        ]
        if gone:
            self.sent.left_out.append(f"{bundle.name}: {gone[0]} is not in the store here")
            return
        self._present.add(bundle.name)
        parts = [
            self._sending(one, size, (data or {}).get(one)) for one, size in bundle.blobs.items()
        ]
        self._named.append((bundle, self._pool.submit(self._publish, bundle, parts)))

    def finish(self) -> Sent:
        """Wait until all is there; raises the first error when the rest has ended."""
        first: MlgitopsError | None = None
        for bundle, done in self._named:
            try:
                done.result()
                self.sent.new += 1
            except MlgitopsError as error:
                self._present.discard(bundle.name)
                first = first or error
        self._named.clear()
        self.sent.seconds = time.monotonic() - self._began
        if first is not None:
            raise first
        return self.sent

    def _sending(self, digest: Digest, size: int, data: bytes | None) -> Future[None] | None:
        if digest in self._there:
            return None
        if digest not in self._blobs:
            if data is None and not self._store.is_here(digest, size):
                return None  # the remote has it
            self._total += size
            self._blobs[digest] = self._pool.submit(self._send, digest, size, data)
        return self._blobs[digest]

    def _send(self, digest: Digest, size: int, data: bytes | None) -> None:
        if data is not None:
            import io

            new = self._remote.send(digest, size, io.BytesIO(data), self._count)
        else:
            # Verified on the way: not every remote compares digests.
            with self._store.path(digest).open("rb", buffering=0) as stream:
                new = self._remote.send(digest, size, stream, self._count)
        with self._guard:
            self._there.add(digest)
            self.sent.blobs += new

    def _publish(self, bundle: Bundle, parts: Iterable[Future[None] | None]) -> None:
        # No deadlock: what is waited for was given to the same threads before, in their order.
        for part in parts:
            if part is not None:
                part.result()
        self._remote.publish(bundle.name, bundle.manifest)

    def _count(self, count: int) -> None:
        with self._guard:
            self.sent.bytes += count
            now = time.monotonic()
            if now - self._told < _SAID:
                return
            self._told = now
            self._say(progress(self.sent.bytes, self._total, now - self._began, "sent"))

    # -- the word that somebody pushes ----------------------------------------------------------

    def _beat(self) -> None:
        while not self._stop.wait(_BEAT):
            try:
                self._write_word()
            except MlgitopsError:
                continue  # a remote that does not answer removes nothing either

    def _write_word(self) -> None:
        write_word(self._remote, PUSHING.rstrip("-"), f"{self._word} {iso(self._clock())}")


def write_word(remote: Remote, name: str, text: str) -> None:
    """Say under ``name`` that somebody is at work; each word differs from the one before."""
    import io

    said = marker(name, f"{text} {uuid.uuid4().hex[:8]}")
    try:
        remote.publish(name, said.manifest, replace=True)
    except RemoteRefused:
        # A new registry does not have the bytes of nothing yet.
        for digest, size in said.blobs.items():
            remote.send(digest, size, io.BytesIO(b"{}"), lambda _: None)
        remote.publish(name, said.manifest, replace=True)


def word(remote: Remote, name: str) -> str | None:
    """Return the last word under ``name``, None when nobody is at work."""
    data = remote.manifest(name)
    said = None if data is None else created(data)
    return None if said is None or said.startswith(_ENDED) else said


def ended(remote: Remote, name: str) -> None:
    """Say that the work is done."""
    write_word(remote, name, _ENDED)


def alive(
    remote: Remote,
    name: str,
    clock: Callable[[], datetime],
    waiting: Callable[[], None],
    pause: float = 1.0,
) -> Iterator[str]:
    """Yield the word of somebody who is at work as long as that goes on.

    It is believed by its changing, not by clocks, but for one that is hours old.
    """
    last, since = None, time.monotonic()
    while (said := word(remote, name)) is not None:
        if last is None and _is_old(said, clock()):
            return
        if said != last:
            last, since = said, time.monotonic()
        elif time.monotonic() - since > _DEAD:
            return
        yield said
        waiting()
        time.sleep(pause)


def _is_old(said: str, now: datetime) -> bool:
    for text in said.split(" "):
        try:
            return (now - datetime.fromisoformat(text)).total_seconds() > _LONG_AGO
        except (ValueError, TypeError):
            continue
    return False


def _wait_for_end(
    remote: Remote, clock: Callable[[], datetime], say: Callable[[str], None]
) -> None:
    for number, _ in enumerate(alive(remote, COLLECTING, clock, lambda: None)):
        if number == 0:
            say(f"{remote.place}: waits until `gc --remote` has ended")


@contextmanager
def collecting(
    remote: Remote, clock: Callable[[], datetime], say: Callable[[str], None], patience: float
) -> Iterator[None]:
    """Keep pushes from beginning, when none goes on; TryLater when one does for ``patience`` s.

    Also when another collection goes on.
    """
    until = time.monotonic() + patience

    def waiting() -> None:
        if time.monotonic() > until:
            raise TryLater(
                f"somebody pushes to {remote.place}, or has a moment ago",
                hint="run it again when that has ended; nothing was removed",
            )

    for number, _ in enumerate(alive(remote, COLLECTING, clock, waiting)):
        if number == 0:
            say(f"{remote.place}: another `gc --remote` is at work")
    name = PUSHING.rstrip("-")
    while True:
        last = None
        for said in alive(remote, name, clock, waiting):
            if last is None:
                say(f"{remote.place}: waits until nobody has pushed for a minute")
            last = said
        write_word(remote, COLLECTING, iso(clock()))
        now = word(remote, name)
        if now is None or now == last or _is_old(now, clock()):
            break
        ended(remote, COLLECTING)
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(_BEAT):
            try:
                write_word(remote, COLLECTING, iso(clock()))
            except MlgitopsError:
                continue

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        stop.set()
        heart.join()
        ended(remote, COLLECTING)


def shared(remote: Remote) -> Iterator[tuple[str, bytes, float | None]]:
    """Yield (name, manifest, when it was written) of every result and release of a remote."""
    names = [one for one in remote.names() if one.name.startswith((STEP, RELEASE))]
    with ThreadPoolExecutor(BLOBS_AT_ONCE, thread_name_prefix="list") as pool:
        found = pool.map(lambda one: remote.manifest(one.name), names)
        for one, data in zip(names, found, strict=True):
            if data is not None:
                yield one.name, data, one.used


def named_blobs(manifest: bytes) -> Mapping[Digest, int]:
    """Return what a manifest names; nothing of one that cannot be read."""
    try:
        return blobs_of(manifest)
    except StoreError:
        return {}


def progress(done: int, total: int, seconds: float, verb: str) -> str:
    """Return a line on a transfer: how much, how fast, and how long it still takes."""
    from mlgitops.core.amounts import size

    rate = done / seconds if seconds > 0 else 0.0
    left = f", {max(0.0, (total - done) / rate):.0f} s left" if rate else ""
    return f"{verb} {size(done)} of {size(total)}, {size(int(rate))}/s{left}"
