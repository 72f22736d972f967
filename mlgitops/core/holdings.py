"""What a store holds, what of it is damaged, and what of it nobody needs any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal, TypeAlias

from mlgitops.core.digests import Digest

_HEX: Final = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")

Kind: TypeAlias = Literal["blob", "key", "layout", "leftover", "stranger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Something that is not as it was written. ``digest``: of what is damaged or gone."""

    kind: Kind
    path: PurePath
    message: str
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in a store. ``used``: when they were put last, in seconds since 1970."""

    digest: Digest
    size: int
    used: float


@dataclass(frozen=True, slots=True)
class Key:
    """A remembered record. ``used``: when it was remembered or recalled last."""

    key: Digest
    record: Digest | None
    used: float


def named(data: bytes) -> Iterator[Digest]:
    """Yield every digest that a text names, with and without ``sha256:``.

    Whatever a format is that is kept, what it names is kept too.
    """
    for match in _HEX.findall(data):
        yield Digest("sha256:" + match.decode())


def needed(
    roots: Mapping[Digest, str],
    sizes: Mapping[Digest, int],
    read: Callable[[Digest], bytes | None],
) -> dict[Digest, str]:
    """Return each blob of ``sizes`` that ``roots`` lead to, with the reason of the first one.

    ``read``: the bytes of a blob that may name others, None for one that does not.
    """
    found: dict[Digest, str] = {}
    todo = [(digest, reason) for digest, reason in roots.items() if digest in sizes]
    todo.reverse()
    while todo:
        digest, reason = todo.pop()
        if digest in found:
            continue
        found[digest] = reason
        data = read(digest)
        if data is not None:
            todo += [(one, reason) for one in named(data) if one in sizes and one not in found]
    return found


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a store: blobs that are kept, or not, for one reason."""

    reason: str
    count: int
    size: int


def shares(reasons: Iterable[tuple[str, int]]) -> tuple[Share, ...]:
    """Return the parts of a store by reason, the largest first, from (reason, bytes) of blobs."""
    counts: dict[str, list[int]] = {}
    for reason, size in reasons:
        counts.setdefault(reason, []).append(size)
    found = [Share(reason, len(sizes), sum(sizes)) for reason, sizes in counts.items()]
    return tuple(sorted(found, key=lambda share: (-share.size, share.reason)))
