"""The values that a run is repeated for, as a person writes them: ``2024-01..2024-06``."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.errors import UsageError

_NUMBER: Final = re.compile(r"-?\d{1,15}")
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST: Final = 10_000


def assignment(text: str) -> tuple[str, str]:
    """Split ``name=value``; UsageError when it is something else."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise UsageError(f"{text!r} is no value of a param", hint="write name=value")
    return name, value


def value(text: str) -> JSON:
    """Return what a word means: JSON where it is some, else the word itself."""
    try:
        found: JSON = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text
    return found


def values(text: str) -> tuple[JSON, ...]:
    """Return the values of a range or a list; both ends of a range belong to it.

    ``1..6``: numbers; ``2024-01..2024-06``: months; ``2024-01-30..2024-02-02``: days; ``a,b,c``.
    UsageError for a range of other things, or that ends before it begins.
    """
    first, dots, last = text.partition("..")
    if not dots:
        return tuple(value(word.strip()) for word in text.split(","))
    found = _between(first.strip(), last.strip())
    if not found:
        raise UsageError(
            f"there is nothing in the range {text}", hint="write the smaller end first"
        )
    if len(found) > _MOST:
        raise UsageError(f"{text} has more than {_MOST:,} values", hint="take a part of it")
    return found


def _between(first: str, last: str) -> tuple[JSON, ...]:
    if _NUMBER.fullmatch(first) and _NUMBER.fullmatch(last):
        start, end = int(first), int(last)
        return tuple(range(start, min(end, start + _MOST) + 1))
    if (one := _MONTH.fullmatch(first)) and (other := _MONTH.fullmatch(last)):
        months = range(_months(one), _months(other) + 1)
        return tuple(f"{month // 12:04d}-{month % 12 + 1:02d}" for month in months)
    if _DAY.fullmatch(first) and _DAY.fullmatch(last):
        try:
            start_day, end_day = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError as error:
            raise UsageError(f"{first}..{last}: {error}") from None
        days = (end_day - start_day).days
        return tuple(str(start_day + timedelta(days=number)) for number in range(days + 1))
    raise UsageError(
        f"{first}..{last} is no range",
        hint="write 1..6, 2024-01..2024-06, 2024-01-30..2024-02-02, or a,b,c",
    )


def _months(match: re.Match[str]) -> int:
    month = int(match[2])
    if not 1 <= month <= 12:
        raise UsageError(f"{match[0]} is no month")
    return int(match[1]) * 12 + month - 1


def _no_constant(text: str) -> JSON:
    raise ValueError(text)
