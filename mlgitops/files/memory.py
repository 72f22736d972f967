"""What was worked out once, to be known again: derived files in the git directory.

No commit can put a file there, and losing one costs time and nothing else: who finds it missing,
damaged, or made by or for something else works again. Each appears whole, so that any number of
processes may read and write at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from mlgitops import __version__, core
from mlgitops.core.digests import JSON

FOLDER = "mlgitops"


class Memory:
    """One value, kept as long as its ``key`` is the same: all that the value depends on."""

    def __init__(self, git_dir: Path, name: str, *key: str) -> None:
        self._place = git_dir / FOLDER / name
        self._key: list[JSON] = list(key)

    def recall(self) -> JSON:
        """Return the value, None when there is none of this key."""
        try:
            check, _, body = self._place.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != check:
                return None
            key, value = json.loads(body)
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return value if key == self._key else None

    def keep(self, value: JSON) -> None:
        """Keep ``value`` instead of what is there; nothing where nothing can be written."""
        body = json.dumps([self._key, value], separators=(",", ":")).encode()
        check = hashlib.sha256(body).hexdigest().encode()
        staged = self._place.with_name(f"{self._place.name}.{uuid.uuid4().hex}.tmp")
        with suppress(OSError):
            self._place.parent.mkdir(parents=True, exist_ok=True)
            try:
                staged.write_bytes(check + b"\n" + body)
                staged.replace(self._place)
            finally:
                staged.unlink(missing_ok=True)


@cache
def maker() -> str:
    """Return what tells this mlgitops from another: its version, and the times of its code.

    A part of the key of what ``core`` decided.
    """
    found = [__version__]
    for folder, _, names in sorted(os.walk(core.__path__[0])):
        for name in sorted(names):
            if name.endswith(".py"):
                told = Path(folder, name).stat()
                found.append(f"{folder}/{name} {told.st_size} {told.st_mtime_ns}")
    return hashlib.sha256("\n".join(found).encode("utf-8", "backslashreplace")).hexdigest()
