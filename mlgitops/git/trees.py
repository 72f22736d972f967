"""Tree objects as git stores them, and changes by folder: a commit costs what it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from mlgitops.core.errors import GitError

FILE: Final = "100644"
EXECUTABLE: Final = "100755"
FOLDER: Final = "40000"

Entries: TypeAlias = "dict[bytes, tuple[str, str]]"
"""Name to mode and object."""

Nested: TypeAlias = "dict[str, bytes | Nested | None]"
"""Name to the bytes of a file, None for a file to delete, or what changes in a folder."""


def parse(data: bytes, id_length: int) -> Entries:
    """Return the entries of a raw tree object; ``id_length`` in hex digits."""
    entries: Entries = {}
    place = 0
    while place < len(data):
        blank = data.index(b" ", place)
        end = data.index(b"\0", blank)
        after = end + 1 + id_length // 2
        mode, name = data[place:blank].decode(), data[blank + 1 : end]
        entries[name] = (mode, data[end + 1 : after].hex())
        place = after
    return entries


def listing(entries: Entries) -> bytes:
    """Return the entries as ``git mktree -z`` reads them."""
    lines = []
    for name, (mode, object_id) in entries.items():
        kind = "tree" if mode == FOLDER else "commit" if mode == "160000" else "blob"
        lines.append(f"{mode.zfill(6)} {kind} {object_id}\t".encode() + name + b"\0")
    return b"".join(lines)


def nest(changes: Mapping[str, bytes | None]) -> Nested:
    """Return the changes by folder; GitError for a path that leaves the tree or enters ``.git``."""
    root: Nested = {}
    for path, data in changes.items():
        *folders, name = path.split("/")
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in (*folders, name)):
            raise GitError(f"{path!r} cannot be the path of a file in git")
        place = root
        for folder in folders:
            inner = place.setdefault(folder, {})
            if not isinstance(inner, dict):
                raise GitError(f"{path!r}: {folder!r} cannot be a file and a folder")
            place = inner
        if isinstance(place.get(name), dict):
            raise GitError(f"{path!r} cannot be a file and a folder")
        place[name] = data
    return root
