"""Check the store."""

from __future__ import annotations

from mlgitops.flow.seams import Seams


def fsck(seams: Seams) -> tuple[str, ...]:
    """Return one sentence for each defect of the store: every blob is read and compared."""
    return tuple(seams.store.check())
