"""A cron line fires on some day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.specs.crons import parse_cron

RULE: Final = "schedule-never-fires"

_DAYS: Final = re.compile(r"\s*\S+\s+\S+\s+(\S+)\s+(\S+)")


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find cron lines of days that no month has, in schedules and in windows."""
    for line, at in _lines(draft):
        days = _DAYS.match(line)
        if days is not None and not parse_cron(line).fires:
            yield Finding(
                rule=RULE,
                message=f"this never fires: there is no day {days[1]} in month {days[2]}",
                hint="the fields are minute, hour, day of the month, month and day of the week",
                at=at.part(line, days.start(1), days.end(2)),
            )


def _lines(draft: Draft) -> Iterator[tuple[str, Mark]]:
    for pipeline in draft.pipelines:
        if pipeline.spec.schedule is not None:
            yield pipeline.spec.schedule, pipeline.mark("schedule")
    for environment in draft.environments:
        windows = environment.spec.windows
        if windows is not None:
            for key, some in (("deny", windows.deny), ("allow", windows.allow)):
                for index, window in enumerate(some):
                    yield window.cron, environment.mark("windows", key, index, "cron")
