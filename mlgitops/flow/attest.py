"""Attest: say in a statement what a release was built from, and sign it where that is set up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mlgitops.core.attestations import MODEL, STATEMENT
from mlgitops.core.digests import Digest, canonical
from mlgitops.core.provenance import statement
from mlgitops.core.releases import ReleaseDocument
from mlgitops.flow.seams import Seams


def attested(seams: Seams, document: ReleaseDocument) -> ReleaseDocument:
    """Return the document with its attestations, whose blobs are stored.

    They name the version and the whole document: nothing of it may change any more.
    Raises Refused when it is to be signed and the key is not at hand.
    """
    told = canonical(statement(document, seams.builder))
    if seams.signer is None:
        return replace(document, attestations={STATEMENT: seams.store.put_bytes(told)})
    made = {seams.signer.envelope: seams.signer.sign(told)}
    with laid_out(seams, document.files) as folder:
        bundle = seams.signer.sign_files(folder)
    if bundle is not None:
        made[MODEL] = bundle
    kept = {name: seams.store.put_bytes(data) for name, data in made.items()}
    seams.store.flush()
    return replace(document, attestations=kept)


@contextmanager
def laid_out(seams: Seams, files: Mapping[str, Digest]) -> Iterator[Path]:
    """Lay the files of a release out in a folder, under their names, as long as it is needed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "release")
        for name, digest in files.items():
            goal = folder / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            seams.store.place(digest, goal)
        yield folder
