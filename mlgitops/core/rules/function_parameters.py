"""A function takes what its step gives, and is given what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.calls import calls
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, closest
from mlgitops.core.functions import Function
from mlgitops.core.marks import Mark

RULE: Final = "function-parameters"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find arguments that do not fit, by reading the function and never by importing it."""
    for call in calls(draft):
        found = draft.functions.find(call.function, call.folder)
        if not isinstance(found, Function) or not call.settled:
            continue
        name = call.function.partition(":")[2]
        related = _defined(name, found)
        missing = [arg for arg in found.needs if arg not in (*call.given, *call.offered)]
        for arg in found.by_place:
            yield Finding(
                rule=RULE,
                message=f"{name}() takes {arg!r} by place only, and {call.by} gives names",
                hint="delete the '/' among its parameters",
                at=call.at,
                related=related,
            )
        for arg in call.given:
            if found.accepts is None or arg in found.accepts or arg in found.by_place:
                continue
            meant = closest(arg, [one for one in missing if one not in call.given])
            if meant is not None:
                missing.remove(meant)
            yield Finding(
                rule=RULE,
                message=f"{name}() does not take {arg!r}, which {call.by} gives it",
                hint=f"did you mean {meant!r}?" if meant else f"it takes {_listed(found)}",
                at=call.given_at(arg),
                related=related,
            )
        for arg in missing:
            if arg not in found.by_place:
                yield Finding(
                    rule=RULE,
                    message=f"{name}() needs {arg!r}, which {call.by} does not give it",
                    hint="add it to the inputs or params, or give it a default",
                    at=call.at,
                    related=related,
                )


def _defined(name: str, function: Function) -> tuple[tuple[Mark, str], ...]:
    if not function.column:
        return ()
    at = Mark(path=function.path, line=function.line, column=function.column, length=len(name))
    return ((at, "it is defined here"),)


def _listed(function: Function) -> str:
    return ", ".join(function.accepts or ()) or "nothing"
