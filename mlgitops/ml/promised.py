"""Which values of a column are of the type that a contract promises, and within its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from mlgitops.core.contracts import Bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The values of a column that fit, null elsewhere; ``wrong``: a mask of those that do not."""

    values: Any
    wrong: Any | None = None


def fitted(chunk: Any, promised: str, text: bool) -> Fit | str:
    """Return which values of an Arrow array fit ``promised``, or the name of its wholly other type.

    A missing value and NaN fit any type. ``text``: strings are read as the type.
    """
    import pyarrow as pa
    from pyarrow import types

    if isinstance(chunk, pa.ExtensionArray):
        chunk = chunk.storage
    if types.is_dictionary(chunk.type):
        chunk = chunk.dictionary_decode()
    kind = chunk.type
    if types.is_null(kind):
        return Fit(values=chunk.cast(_PLAIN[promised]()))
    strings = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if strings and text and promised != "string":
        return _read_as(chunk, promised)
    match promised:
        case "string":
            return Fit(values=chunk.cast(pa.large_string())) if strings else str(kind)
        case "boolean":
            return Fit(values=chunk) if types.is_boolean(kind) else str(kind)
        case "integer" | "number":
            return _numbers(chunk, whole=promised == "integer")
        case _:
            return _moments(chunk, day=promised == "date")


def _numbers(chunk: Any, *, whole: bool) -> Fit | str:
    import pyarrow as pa
    from pyarrow import compute, types

    kind = chunk.type
    if types.is_integer(kind):
        return Fit(values=chunk)
    if types.is_decimal(kind):
        chunk = chunk.cast(pa.float64())
    elif not types.is_floating(kind):
        return str(kind)
    elif types.is_float16(kind):
        chunk = chunk.cast(pa.float32())
    null = pa.scalar(None, chunk.type)
    chunk = compute.if_else(compute.is_nan(chunk), null, chunk)
    if not whole:
        return Fit(values=chunk)
    # A column of whole numbers with gaps is one of floats to pandas.
    same = compute.and_(compute.equal(compute.floor(chunk), chunk), compute.is_finite(chunk))
    wrong = compute.fill_null(compute.invert(same), False)
    return Fit(values=compute.if_else(wrong, null, chunk), wrong=wrong)


def _moments(chunk: Any, *, day: bool) -> Fit | str:
    import pyarrow as pa
    from pyarrow import compute, types

    kind = chunk.type
    if types.is_date(kind):
        return Fit(values=chunk.cast(pa.date32())) if day else str(kind)
    if not types.is_timestamp(kind):
        return str(kind)
    wrong = None
    if day:
        # pandas has no type for days alone: a midnight is one.
        same = compute.equal(compute.floor_temporal(chunk, unit="day"), chunk)
        wrong = compute.fill_null(compute.invert(same), False)
        chunk = compute.if_else(wrong, pa.scalar(None, kind), chunk)
        if kind.tz is not None:
            chunk = compute.local_timestamp(chunk)
        return Fit(values=chunk.cast(pa.date32(), safe=False), wrong=wrong)
    return Fit(values=chunk.cast(pa.timestamp("us", tz=kind.tz), safe=False), wrong=wrong)


def outside(values: Any, bound: Bound, *, low: bool) -> Any:
    """Return the mask of the values below (``low``) or above a bound; nulls are inside."""
    import pyarrow as pa
    from pyarrow import compute, types

    kind, beyond = values.type, compute.less if low else compute.greater
    if types.is_integer(kind) and not isinstance(bound, str):
        bound = math.ceil(bound) if low else math.floor(bound)
        try:
            limit = pa.scalar(bound, kind)
        except (OverflowError, pa.ArrowInvalid):
            # No value of this type is there: all are on one side of it.
            everything = low is (bound > 0)
            return compute.and_(compute.is_valid(values), pa.scalar(everything))
    elif isinstance(bound, str):
        limit, strict = _moment(bound, kind, low=low)
        beyond = compute.greater_equal if strict else beyond
    else:
        limit = pa.scalar(float(bound), kind)
    return compute.fill_null(beyond(values, limit), False)


def _moment(bound: str, kind: Any, *, low: bool) -> tuple[Any, bool]:
    """Return a bound in time; True: nothing may reach it. A day as the largest is meant whole."""
    import pyarrow as pa
    from pyarrow import types

    moment = datetime.fromisoformat(bound)
    if types.is_date(kind):
        return pa.scalar(moment.date(), kind), False
    whole_day = len(bound) == len("2024-06-30") and not low
    if whole_day:
        moment += timedelta(days=1)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if kind.tz is None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return pa.scalar(moment, kind), whole_day


# -- text and plain values --------------------------------------------------------------------


def fitted_plain(values: Sequence[object], promised: str) -> Fit:
    """Return which plain values (of JSON lines) fit ``promised``."""
    return _parsed(values, promised, _PLAIN_VALUES[promised])


def _parsed(values: Sequence[object], promised: str, parse: Callable[[Any], Any]) -> Fit:
    import pyarrow as pa

    found, wrong = [], []
    for given in values:
        value = None
        with suppress(ValueError):
            value = None if given is None else parse(given)
        found.append(value)
        wrong.append(given is not None and value is None)
    kind = _PLAIN[promised]()
    try:
        array = pa.array(found, kind)
    except (OverflowError, pa.ArrowInvalid):
        array = pa.array([None if one is None else float(one) for one in found], pa.float64())
    return Fit(values=array, wrong=pa.array(wrong, pa.bool_()))


def _read_as(chunk: Any, promised: str) -> Fit:
    import pyarrow as pa

    if promised in ("integer", "number"):
        with suppress(pa.ArrowInvalid):
            return Fit(values=chunk.cast(_PLAIN[promised]()))
    return _parsed(chunk.to_pylist(), promised, _TEXTS[promised])


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise ValueError(text) from None
        return int(number)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _day(text: str) -> date:
    moment = datetime.fromisoformat(text)
    if moment != moment.replace(hour=0, minute=0, second=0, microsecond=0):
        raise ValueError(text)
    return moment.date()


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _only(*kinds: type, then: Callable[[Any], Any] | None = None) -> Callable[[Any], Any]:
    """Take values of these types, where true and false are no numbers."""

    def take(value: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(value)
        return value if then is None else then(value)

    return take


def _whole(value: int | float) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


_TEXTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "integer": _integer,
    "number": float,
    "boolean": _boolean,
    "date": _day,
    "timestamp": _instant,
}
_PLAIN_VALUES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "string": _only(str),
    "integer": _only(int, float, then=_whole),
    "number": _only(int, float, then=float),
    "boolean": _only(bool),
    "date": _only(str, then=_day),
    "timestamp": _only(str, then=_instant),
}


def _of(name: str, *words: str) -> Callable[[], Any]:
    def kind() -> Any:
        import pyarrow as pa

        return getattr(pa, name)(*words)

    return kind


_PLAIN: Final[Mapping[str, Callable[[], Any]]] = {
    "string": _of("large_string"),
    "integer": _of("int64"),
    "number": _of("float64"),
    "boolean": _of("bool_"),
    "date": _of("date32"),
    "timestamp": _of("timestamp", "us", "UTC"),
}
