"""There is a time in which something may change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.openings import ever_open

RULE: Final = "windows-never-open"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find windows that deny whatever they allow."""
    for environment in draft.environments:
        windows = environment.spec.windows
        if windows is not None and windows.deny and not ever_open(windows):
            what = "what they allow" if windows.allow else "always"
            yield Finding(
                rule=RULE,
                message=f"nothing can ever be promoted into {environment.spec.name!r}: the windows "
                f"deny {what}",
                hint="make a duration shorter, or take a line out of 'deny'",
                at=environment.mark_key("windows", "deny"),
            )
