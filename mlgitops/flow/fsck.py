"""Check the store, and take what is damaged out of use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.holdings import Defect
from mlgitops.core.records import Record, from_bytes
from mlgitops.flow.releases import releases
from mlgitops.flow.seams import Seams

# What the bytes were, and whose they are: of a step, of a source, of a release.
_Owner: TypeAlias = tuple[str, str]

_THEN: Final[Mapping[str, str]] = {
    "step": "`mlgitops run` makes it again",
    "source": "`mlgitops run` asks its source again, which may not have these rows any more;"
    " then bring the file back from a copy of the store",
    "release": "no run makes it again: bring the file back from a copy of the store",
    "blob": "nothing that is known names it",
    "key": "what was known of a step's work is forgotten, and the step runs again",
    "layout": "it is written anew, and `mlgitops gc` names the releases in it",
    "leftover": "nothing of it was in use",
    "stranger": "look at it, and remove it",
}
_REBUILT: Final = frozenset({"step", "blob", "key", "layout", "leftover"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A defect. ``of``: what the damaged bytes were; ``then``: what brings them back.

    ``rebuilt``: the next `run` does. ``repaired``: it is out of use now.
    """

    defect: Defect
    of: str | None
    then: str
    rebuilt: bool
    repaired: bool


def fsck(seams: Seams, *, repair: bool = False) -> tuple[Damage, ...]:
    """Return each defect of the store: every blob is read and compared.

    ``repair`` moves damaged blobs aside and removes keys that lead nowhere, so that the next run
    makes again what it can.
    """
    store, found = seams.store, []
    owners: dict[Digest, _Owner] | None = None
    for defect in store.check():
        if owners is None:  # before anything is moved
            owners = _owners(seams)
        # Whoever put it there may want it.
        mended = repair and defect.kind != "stranger"
        if mended:
            store.mend(defect)
        found.append(_damage(defect, owners, repaired=mended))
    return tuple(found)


def _damage(defect: Defect, owners: Mapping[Digest, _Owner], *, repaired: bool) -> Damage:
    owner = owners.get(defect.digest) if defect.digest and defect.kind == "blob" else None
    kind = owner[1] if owner is not None else defect.kind
    return Damage(
        defect=defect,
        of=None if owner is None else owner[0],
        then=_THEN[kind],
        rebuilt=kind in _REBUILT,
        repaired=repaired,
    )


def _owners(seams: Seams) -> dict[Digest, _Owner]:
    """Return what each digest is, and who can make it again: a step, its source, or nobody."""
    found: dict[Digest, _Owner] = {}
    for record, digest in _records(seams):
        name = f"{record.pipeline}.{record.step}"
        found.setdefault(digest, (f"the record of {name}", "step"))
        kind = "source" if record.parts.kind == "source" else "step"
        if record.log is not None:
            found.setdefault(record.log, (f"what {name} printed", "step"))
        for output, made in record.outputs.items():
            for blob in _parts(seams, made.digest, made.format):
                found.setdefault(blob, (f"{output} of {name}", kind))
    for one in releases(seams.repository):
        found[one.digest] = (f"the manifest of {one.tag}", "release")
        found.update(
            {d: (f"{file} of {one.tag}", "release") for file, d in one.document.files.items()}
        )
    return found


def _records(seams: Seams) -> Iterator[tuple[Record, Digest]]:
    for key in seams.store.remembered():
        if key.record is not None:
            try:
                yield from_bytes(seams.store.read(key.record)), key.record
            except MlgitopsError:
                continue


def _parts(seams: Seams, digest: Digest, format: str) -> Iterator[Digest]:
    yield digest
    if format == "directory":
        try:
            yield from (blob for blob, _ in seams.store.tree(digest).blobs())
        except MlgitopsError:
            return
