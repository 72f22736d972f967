"""A time zone is one that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean

RULE: Final = "timezone-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find time zones that the database of time zones does not have."""
    for environment in draft.environments:
        windows = environment.spec.windows
        if windows is None or windows.timezone == "UTC":
            continue
        known = _known()
        # A machine without the database knows none: it cannot tell.
        if known and windows.timezone not in known:
            yield Finding(
                rule=RULE,
                message=f"there is no time zone {windows.timezone!r}",
                hint=did_you_mean(windows.timezone, known) or "write it as Europe/Berlin or UTC",
                at=environment.mark("windows", "timezone"),
            )


def _known() -> set[str]:
    import zoneinfo

    return zoneinfo.available_timezones()
