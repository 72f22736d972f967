"""A folder as an artifact: the manifest that names its files, and how small files are packed.

Small files stand one after the other in packs, chosen by a prefix of the digest of their path: a
changed file changes one pack and the manifest, and 20,000 files are a few hundred blobs. Equal
folders give equal bytes, whoever packs them and in whatever order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from mlgitops.core.digests import JSON, Digest, hex_of, of_value, parse_digest
from mlgitops.core.errors import MlgitopsError, Refused

SMALL: Final = 64 << 10  # bytes; a larger file is a blob of its own
_PER_PACK: Final = 64
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class File:
    """One file of a folder. ``pack`` (a place in ``Folder.packs``) and ``offset`` of a small one.

    Without ``pack`` the file is the blob ``digest``.
    """

    digest: Digest
    size: int
    executable: bool = False
    pack: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Pack:
    """A blob that holds small files."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A whole folder: files by their path with ``/``, and the folders that hold nothing."""

    files: Mapping[str, File]
    packs: tuple[Pack, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(file.size for file in self.files.values())

    def blobs(self) -> Iterator[tuple[Digest, int]]:
        """Yield (digest, size) of every blob that the folder consists of beside its manifest."""
        for pack in self.packs:
            yield pack.digest, pack.size
        for file in self.files.values():
            if file.pack is None:
                yield file.digest, file.size

    def entries(self) -> Mapping[str, Digest]:
        """Return what stands at the top, by name in order, with what identifies its content."""
        inside: dict[str, dict[str, JSON]] = {}
        found: dict[str, Digest] = {}
        for path, file in self.files.items():
            name, below, rest = path.partition("/")
            if below:
                inside.setdefault(name, {})[rest] = [file.digest, file.executable]
            else:
                found[name] = of_value([file.digest, file.executable])
        for path in self.empty:
            name, _, rest = path.partition("/")
            inside.setdefault(name, {})[rest] = None
        found.update({name: of_value(files) for name, files in inside.items()})
        return {name: found[name] for name in sorted(found)}

    def only(self, name: str) -> Folder:
        """Return the folder with nothing in it but the entry ``name``."""
        start = f"{name}/"
        return Folder(
            files={
                path: file
                for path, file in self.files.items()
                if path == name or path.startswith(start)
            },
            packs=self.packs,
            empty=tuple(path for path in self.empty if path == name or path.startswith(start)),
        )


def packing(paths: Iterable[str]) -> list[list[str]]:
    """Return the small files of each pack, in their order in it. It depends on nothing else."""
    names = list(paths)
    bits = (len(names) // _PER_PACK).bit_length()
    found: dict[int, list[str]] = {}
    for name in sorted(names):
        first = hashlib.sha256(name.encode()).digest()[:4]
        found.setdefault(int.from_bytes(first, "big") >> (32 - bits), []).append(name)
    return [found[shard] for shard in sorted(found)]


def checked(path: str) -> str:
    """Return a path of a file in a folder; Refused for one that other machines cannot hold."""
    parts = path.split("/")
    if not path or path.startswith("/") or "\0" in path or {"", ".", ".."} & set(parts):
        raise Refused(f"{path!r} is no path of a file in a folder")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Refused(
            f"the name {path!r} is not UTF-8", hint="rename that file: names are kept as text"
        ) from None
    return path


def to_bytes(folder: Folder) -> bytes:
    """Return the manifest: canonical JSON, whose digest is the folder's."""
    rows = {
        path: [hex_of(one.digest), one.size, int(one.executable), one.pack, one.offset]
        for path, one in folder.files.items()
    }
    # The form of digests.canonical, without its search for floats: files come by the thousand.
    return json.dumps(
        {
            "folder": _FORMAT,
            "packs": [[hex_of(pack.digest), pack.size] for pack in folder.packs],
            "empty": sorted(folder.empty),
            "files": rows,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def from_bytes(data: bytes) -> Folder:
    """Read what ``to_bytes`` wrote; MlgitopsError when it is something else."""
    try:
        value = cast("Mapping[str, JSON]", json.loads(data))
        if value["folder"] != _FORMAT:
            raise ValueError(f"folder format {value['folder']!r}")
        packs = cast("list[tuple[str, int]]", value["packs"])
        rows = cast("Mapping[str, tuple[str, int, int, int | None, int]]", value["files"])
        return Folder(
            files={checked(path): _file(row, len(packs)) for path, row in rows.items()},
            packs=tuple(Pack(parse_digest(f"sha256:{name}"), int(size)) for name, size in packs),
            empty=tuple(checked(str(path)) for path in cast("list[JSON]", value["empty"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MlgitopsError(f"not the manifest of a folder: {error!r}") from error


def _file(row: tuple[str, int, int, int | None, int], packs: int) -> File:
    name, size, executable, pack, offset = row
    if pack is not None and not 0 <= pack < packs:
        raise ValueError(f"there is no pack {pack}")
    return File(parse_digest(f"sha256:{name}"), int(size), bool(executable), pack, int(offset))
