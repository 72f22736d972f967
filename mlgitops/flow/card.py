"""Card: the model card of a release, as the release holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlgitops.core.errors import GitError, Refused
from mlgitops.core.releases import Release
from mlgitops.flow.releases import release, split_reference
from mlgitops.flow.seams import Seams


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The bytes of ``card.json`` and ``card.md``, and the pictures that the latter names."""

    release: Release
    document: bytes
    markdown: bytes
    pictures: Mapping[str, bytes]


def card(seams: Seams, reference: str, *, offline: bool = False) -> Card:
    """Return the card of ``churn`` (its newest release) or ``churn@1.4.0``.

    Raises UsageError when there is no such release, StoreError when its bytes are not here.
    """
    if not offline:
        try:
            seams.repository.fetch()
        except GitError as error:
            seams.say(f"not up to date: {error.message}")
    model, version = split_reference(reference)
    found = release(seams.repository, model, version)
    files = found.document.files
    if "card.json" not in files or "card.md" not in files:
        raise Refused(f"{found.tag} carries no model card", hint="release the model again")
    return Card(
        release=found,
        document=seams.store.read(files["card.json"]),
        markdown=seams.store.read(files["card.md"]),
        pictures={
            name: seams.store.read(digest)
            for name, digest in files.items()
            if name.startswith("card/")
        },
    )
