"""Cron lines of five fields: read as written, refused with the field that is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator

from mlgitops.core.specs.base import Wrong, shortened

MAX_LENGTH: Final = 500

_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PART: Final = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?")


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a line: what it says, its smallest and largest number, and words for numbers."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        """Return the number that ``text`` stands for; None when it stands for none."""
        if text.upper() in self.words:
            return self.words.index(text.upper()) + self.low
        return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None


_FIELDS: Final = (
    _Field("a minute", 0, 59),
    _Field("an hour", 0, 23),
    _Field("a day of the month", 1, 31),
    _Field("a month", 1, 12, _MONTHS),
    _Field("a day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """When a line fires. ``weekdays``: 0 is Sunday.

    As in every cron, a line that restricts both the day of the month and the day of the week fires
    on days that fit either of them: ``any_day`` and ``any_weekday`` say which are not restricted.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @property
    def fires(self) -> bool:
        """Whether there is a day on which it fires; ``0 0 30 2 *`` has none."""
        if not self.any_weekday:
            return True
        return any(min(self.days) <= _LONGEST[month - 1] for month in self.months)


def parse_cron(text: str) -> Cron:
    """Return what a cron line says; Wrong, with the place of the field, when it says nothing."""
    if text in _MACROS:
        raise Wrong(f"{text} is not a cron line", f'write it as "{_MACROS[text]}"')
    if len(text) > MAX_LENGTH:
        raise Wrong(
            f"the cron line has {len(text):,} characters; it may have {MAX_LENGTH}",
            'write ranges and steps, as in "*/15 8-18 * * 1-5"',
        )
    found = [(match[0], match.start()) for match in re.finditer(r"\S+", text)]
    if len(found) != len(_FIELDS):
        count = f"this one has {len(found)}" if text.strip() else "this one is empty"
        raise Wrong(
            "a cron line has five fields: minute, hour, day of the month, month and day of the "
            f"week; {count}",
            'write it as "0 5 * * 1": at 05:00 on Mondays',
        )
    minutes, hours, days, months, weekdays = (
        _numbers(field, word, start) for field, (word, start) in zip(_FIELDS, found, strict=True)
    )
    return Cron(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        any_day=found[2][0].startswith("*"),
        any_weekday=found[4][0].startswith("*"),
    )


def _numbers(field: _Field, word: str, start: int) -> frozenset[int]:
    numbers: set[int] = set()
    for part in word.split(","):
        numbers.update(_range(field, part, (start, len(word))))
    return frozenset(numbers)


def _range(field: _Field, part: str, span: tuple[int, int]) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise Wrong(f"{shortened(part)} is not {field.name}", _how(field), span=span)
    star, first, last, step = match.groups()
    if step is not None and int(step) == 0:
        raise Wrong(f"{part} goes in steps of 0", "write a step of 1 or more", span=span)
    low = field.low if star else _bound(field, first, span)
    # As in every cron, 5/10 means from 5 to the end.
    high = field.high if star or (step and not last) else low
    if last is not None:
        high = _bound(field, last, span)
    if high < low:
        end, start = (field.words[-1], field.words[0]) if field.words else (field.high, field.low)
        hint = f"write {first}-{end},{start}-{last}"
        raise Wrong(f"{part} runs backwards", hint, span=span)
    return range(low, high + 1, int(step or 1))


def _bound(field: _Field, text: str, span: tuple[int, int]) -> int:
    number = field.number(text)
    if number is None or not field.low <= number <= field.high:
        raise Wrong(f"{shortened(text)} is not {field.name}", _how(field), span=span)
    return number


def _how(field: _Field) -> str:
    words = f", or {field.words[0]} to {field.words[-1]}" if field.words else ""
    return f"write {field.low} to {field.high}{words}, or * for each; also 1-5, */2 and 1,3"


def _readable(text: str) -> str:
    parse_cron(text)
    return text


CronLine = Annotated[str, AfterValidator(_readable)]
