"""Whether the windows of an environment are ever open, without a clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from mlgitops.core.specs.base import seconds
from mlgitops.core.specs.crons import Cron, parse_cron
from mlgitops.core.specs.environments import Window, Windows

# Two years, of which the first one has a 29th of February; what lasts from before counts, too.
_START: Final = date(2024, 1, 1)
_DAYS: Final = 731
_DAY: Final = 24 * 60

Spans = list[tuple[float, float]]


def ever_open(windows: Windows) -> bool:
    """Return whether there is a minute in which something may change."""
    denied = _joined(_spans(windows.deny))
    # Before a line has fired for the first time, the time from the year before is not known.
    first = max((_first(parse_cron(window.cron)) for window in windows.deny), default=0.0)
    allowed = _joined(_spans(windows.allow)) if windows.allow else [(first, float(_DAYS * _DAY))]
    place = 0
    for start, end in allowed:
        start = max(start, first)
        while place < len(denied) and denied[place][1] <= start:
            place += 1
        covered = place < len(denied) and denied[place][0] <= start and end <= denied[place][1]
        if start < end and not covered:
            return True
    return False


def _first(cron: Cron) -> float:
    return next((start for start, _ in _days(cron, 0)), 0.0)


def _spans(windows: Iterable[Window]) -> Iterator[tuple[float, float]]:
    for window in windows:
        yield from _days(parse_cron(window.cron), seconds(window.duration) / 60)


def _days(cron: Cron, length: float) -> Iterator[tuple[float, float]]:
    """Yield from when to when it lasts, in minutes; those of one day are joined."""
    minutes = sorted(60 * hour + minute for hour in cron.hours for minute in cron.minutes)
    one_day = _joined((start, start + length) for start in minutes)
    for number in range(_DAYS):
        day = _START + timedelta(days=number)
        if day.month in cron.months and _fits(cron, day):
            yield from ((number * _DAY + start, number * _DAY + end) for start, end in one_day)


def _fits(cron: Cron, day: date) -> bool:
    in_month, in_week = day.day in cron.days, day.isoweekday() % 7 in cron.weekdays
    if cron.any_day or cron.any_weekday:
        return in_month and in_week
    return in_month or in_week


def _joined(spans: Iterable[tuple[float, float]]) -> Spans:
    """Return the spans in order, those that touch one another as one."""
    joined: Spans = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
