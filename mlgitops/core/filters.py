"""What a person asks of many runs: by the name of a value, in a few words.

A name is a field of the run (``status``), or the end of a full name: ``train.metrics.auc`` and
``auc`` find ``churn.train.metrics.auc``, ``params.seed`` and ``seed`` find ``churn.params.seed``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias, cast

from mlgitops.core.digests import JSON, canonical
from mlgitops.core.errors import UsageError
from mlgitops.core.experiments import Run
from mlgitops.core.findings import did_you_mean
from mlgitops.core.measures import Measure

Value: TypeAlias = "JSON | Measure"
Operator = Literal["=", "!=", ">", ">=", "<", "<=", "~"]

FIELDS: Final = (
    "id",
    "at",
    "status",
    "pipeline",
    "ran",
    "seconds",
    "commit",
    "dirty",
    "branch",
    "who",
    "ci",
    "platform",
)
# Of these, the beginning is enough.
_PREFIXES: Final = ("id", "commit")
_CONDITION: Final = re.compile(r"\s*(.+?)\s*(>=|<=|!=|==|=|>|<|~)\s*(.*?)\s*")
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """``name`` stands in this relation to ``wanted``; ``~``: contains it."""

    name: str
    operator: Operator
    wanted: str


def condition(text: str) -> Condition:
    """Read ``train.metrics.auc>0.8``; UsageError for something else."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is no condition", hint="write a name, one of = != > >= < <= ~, and a value"
        )
    operator = "=" if found[2] == "==" else found[2]
    return Condition(name=found[1], operator=cast(Operator, operator), wanted=found[3])


def values(run: Run) -> dict[str, Value]:
    """Return everything that has a name in a run, by its full name."""
    found: dict[str, Value] = {
        "id": run.id,
        "at": run.at,
        "status": run.status,
        "pipeline": " ".join(run.pipelines),
        "ran": run.count("execute"),
        "seconds": run.seconds,
        "commit": run.commit,
        "dirty": bool(run.dirty),
        "branch": run.branch,
        "who": run.who,
        "ci": run.ci,
        "platform": run.platform,
    }
    for pipeline, params in run.params.items():
        found.update({f"{pipeline}.params.{name}": value for name, value in params.items()})
    for step in run.steps:
        found.update({f"{step.name}.{name}": one for name, one in step.metrics.items()})
    return found


def named(known: Mapping[str, Value], name: str) -> Value:
    """Return the value that ``name`` means, None for none; UsageError when it means several."""
    if name in known:
        return known[name]
    full = [one for one in known if one.endswith(f".{name}")]
    if len(full) > 1 and any(known[one] != known[full[0]] for one in full):
        raise UsageError(f"{name!r} means {', '.join(sorted(full)[:5])}", hint="write more of it")
    return known[full[0]] if full else None


def require_name(name: str, runs: Iterable[Mapping[str, Value]]) -> None:
    """Raise UsageError when no run has a value of this name."""
    everything = {one for known in runs for one in known}
    if everything and not any(one == name or one.endswith(f".{name}") for one in everything):
        short = {".".join(one.split(".")[count:]) for one in everything for count in range(4)} - {
            ""
        }
        raise UsageError(
            f"no run has {name!r}",
            hint=did_you_mean(name, short) or f"fields are {', '.join(FIELDS)}",
        )


def holds(condition: Condition, known: Mapping[str, Value]) -> bool:
    """Return whether a run fulfils the condition; one without the value does not."""
    value = plain(named(known, condition.name))
    if value is None:
        return False
    wanted = condition.wanted
    if condition.operator == "~":
        return wanted.casefold() in text(value).casefold()
    if condition.name in _PREFIXES and condition.operator in ("=", "!="):
        return text(value).startswith(wanted) == (condition.operator == "=")
    if condition.name == "pipeline" and condition.operator in ("=", "!="):
        return (wanted in text(value).split()) == (condition.operator == "=")
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return _compare(float(value), condition.operator, float(wanted))
        except ValueError as error:
            raise UsageError(f"{condition.name} is a number, and {wanted!r} is none") from error
    return _compare(text(value), condition.operator, wanted)


def _compare(one: float | str, operator: Operator, other: float | str) -> bool:
    order = (one > other) - (one < other)  # type: ignore[operator]
    match operator:
        case "=":
            return order == 0
        case "!=":
            return order != 0
        case ">":
            return order > 0
        case ">=":
            return order >= 0
        case "<":
            return order < 0
        case "<=":
            return order <= 0
        case _:
            return False


def ordered(
    found: Sequence[tuple[Run, Mapping[str, Value]]], name: str, *, ascending: bool
) -> tuple[tuple[Run, Mapping[str, Value]], ...]:
    """Return the runs by a value, the largest first; those without it come last, newest first."""
    with_it: list[tuple[float | str, tuple[Run, Mapping[str, Value]]]] = []
    without = []
    for pair in found:
        value = plain(named(pair[1], name))
        if value is None:
            without.append(pair)
        elif isinstance(value, int | float):
            with_it.append((float(value), pair))
        else:
            with_it.append((text(value), pair))
    with_it.sort(key=lambda one: (isinstance(one[0], str), one[0]), reverse=not ascending)
    return (*(pair for _, pair in with_it), *without)


def since(text: str, now: datetime) -> datetime:
    """Return the moment that ``2026-01-31``, ``2026-01-31T12:00`` or ``7d`` means; UsageError."""
    age = _AGE.fullmatch(text)
    try:
        if age is not None:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no moment", hint="write 7d, 12h, 2026-01-31 or 2026-01-31T12:00"
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def plain(value: Value) -> JSON:
    """Return the number of a measure, other values as they are."""
    return value.value if isinstance(value, Measure) else value


def text(value: JSON) -> str:
    """Return a value as people write it."""
    if isinstance(value, str):
        return value
    return canonical(value).decode()
