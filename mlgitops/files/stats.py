"""Digests of files and folders of the repository, remembered while their times are the same.

What was looked at is known again by size, time of writing, time of change and number of each file.
As in git, a file that was written right before it was read is not believed: it may be written
again within the same tick of its clock. The memory is a file for each path in the git directory,
where no commit can put one; who finds it damaged reads everything.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import stat
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mlgitops.core.digests import Digest, of_value
from mlgitops.core.errors import Refused
from mlgitops.core.marks import Mark
from mlgitops.files import Stamp, WorkTree, copying
from mlgitops.files import stamp as stamp_of

_SMALL: Final = 1 << 20  # bytes; a smaller file is read faster than its memory is kept
_TICK: Final = 100_000_000  # ns, of a file system that counts nanoseconds
_COARSE: Final = 2_100_000_000  # of one that counts seconds
_FORMAT: Final = 1


class Stats:
    """Digests of what is below the root of ``tree``, remembered in the folder ``memory``."""

    def __init__(self, tree: WorkTree, memory: Path | None) -> None:
        self._tree = tree
        self._memory = memory

    def digest(
        self, path: str, keep: Callable[[str], Digest | None] | None = None
    ) -> Digest | None:
        """Return the digest of a file, or of the names and files of a folder; None without files.

        ``keep``: what reads a large file that is not known, and keeps it with the same reading.
        """
        found = self._stamp(path)
        if found is not None:
            return self._file(path, found, keep or self._read)
        return self._folder(path)

    # -- one file ---------------------------------------------------------------------------

    def _file(self, path: str, found: Stamp, read: Callable[[str], Digest | None]) -> Digest | None:
        if found[0] < _SMALL:
            return self._read(path)
        known = self._recalled(path)
        if known is not None and known[0].get("stamp") == list(found):
            return Digest(str(known[0]["digest"]))
        now = time.time_ns()
        digest = read(path)
        if digest is not None and self._stamp(path) == found and _settled(found, now):
            self._keep(path, {"stamp": list(found), "digest": digest}, {})
        return digest

    def _read(self, path: str, *, seen: bool = False) -> Digest | None:
        """Read a file; ``seen``: the way to it was just gone, and leads through no link."""
        handle = self._tree.opened(path, seen=seen)
        if handle is None:
            return None
        try:
            return copying.digest_of(handle)[0]
        finally:
            os.close(handle)

    def _stamp(self, path: str) -> Stamp | None:
        try:
            found = os.lstat(f"{self._tree.root}/{path}")
        except (OSError, ValueError):
            return None
        return stamp_of(found) if stat.S_ISREG(found.st_mode) else None

    # -- a folder ---------------------------------------------------------------------------

    def _folder(self, path: str) -> Digest | None:
        now = time.time_ns()
        found = dict(self._tree.stamps(path))
        if not found:
            return None
        seal = _seal(found)
        known = self._recalled(path)
        if known is not None and known[0].get("seal") == seal:
            return Digest(str(known[0]["digest"]))
        before = _entries(known)
        inside: dict[str, str] = {}
        kept: dict[str, tuple[str, Stamp]] = {}
        whole = True
        for name, stamp in found.items():
            old = before.get(name)
            digest = (
                old[0]
                if old is not None and old[1] == stamp
                else self._read(f"{path}/{name}", seen=True)
            )
            if digest is None:  # gone meanwhile
                whole = False
                continue
            inside[name] = str(digest)
            if _settled(stamp, now):
                kept[name] = str(digest), stamp
            else:
                whole = False
        made = _of_names(path, inside) if inside else None
        if made is not None:
            # Without a seal nothing is taken as a whole, and only what is settled one by one.
            self._keep(path, {"seal": seal if whole else None, "digest": made}, kept)
        return made

    # -- the memory -------------------------------------------------------------------------

    def _place(self, path: str) -> Path | None:
        if self._memory is None:
            return None
        return self._memory / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]

    def _recalled(self, path: str) -> tuple[Mapping[str, Any], Path] | None:
        """Return the first line of a memory, and where it is; the entries come after it."""
        place = self._place(path)
        if place is None:
            return None
        try:
            with place.open("rb") as stream:
                head = json.loads(stream.readline())
            line = json.dumps([head["format"], head["path"], head["what"]], sort_keys=True)
            good = head["check"] == hashlib.sha256(line.encode()).hexdigest()
            if not good or head["format"] != _FORMAT or head["path"] != path:
                return None
            return head["what"], place
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None

    def _keep(
        self, path: str, what: Mapping[str, Any], files: Mapping[str, tuple[str, Stamp]]
    ) -> None:
        place = self._place(path)
        if place is None:
            return
        body = json.dumps(files, ensure_ascii=True).encode()
        what = {**what, "files": hashlib.sha256(body).hexdigest()}
        line = json.dumps([_FORMAT, path, what], sort_keys=True)
        check = hashlib.sha256(line.encode()).hexdigest()
        head = {"format": _FORMAT, "path": path, "what": what, "check": check}
        staged = place.with_name(f"{place.name}.{uuid.uuid4().hex}.tmp")
        # Without a memory the next look reads everything: no reason to fail this one.
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                staged.write_bytes(json.dumps(head).encode() + b"\n" + body)
                staged.replace(place)
            finally:
                staged.unlink(missing_ok=True)


def _entries(known: tuple[Mapping[str, Any], Path] | None) -> Mapping[str, tuple[Digest, Stamp]]:
    if known is None:
        return {}
    what, place = known
    try:
        with place.open("rb") as stream:
            stream.readline()
            body = stream.read()
        if hashlib.sha256(body).hexdigest() != what["files"]:
            return {}
        return {
            name: (Digest(digest), tuple(stamp))
            for name, (digest, stamp) in json.loads(body).items()
        }
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _of_names(path: str, inside: dict[str, str]) -> Digest:
    try:
        return of_value(dict(inside))
    except UnicodeEncodeError:
        wrong = next(name for name in inside if not _is_text(name))
        raise Refused(
            f"the folder has a file whose name is not UTF-8: {os.fsencode(wrong)!r}",
            hint="rename it, or leave it out",
            at=Mark(path=path),
        ) from None


def _is_text(name: str) -> bool:
    """Return whether a name, which is any bytes to the system, is UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _seal(found: dict[str, Stamp]) -> str:
    # Version 2 depends on the values alone, takes any name, and is eight times faster than a text.
    return hashlib.sha256(marshal.dumps(found, 2)).hexdigest()


def _settled(stamp: Stamp, now: int) -> bool:
    """Return whether a change after ``now`` would show in the times."""
    newest = max(stamp[1], stamp[2])
    coarse = stamp[1] % 1_000_000_000 == 0 and stamp[2] % 1_000_000_000 == 0
    return now - newest > (_COARSE if coarse else _TICK)
