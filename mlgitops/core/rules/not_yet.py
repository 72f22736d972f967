"""What this version reads and does not act on is said, so that nobody counts on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core import unsupported
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

RULE: Final = "not-yet"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find keys that are read and not acted on yet, in every spec that could be read."""
    for document in draft.documents:
        if document.path in draft.unreadable:
            continue
        for keys, row in unsupported.found_in(document):
            what, at = unsupported.told(keys, row, document)
            yield Finding(
                rule=RULE,
                message=f"{what} is not acted on yet: {row.so}",
                hint=row.instead,
                at=at,
                severity="warning",
            )
