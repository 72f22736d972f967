"""A function takes what its step gives, and is given what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.calls import calls
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, closest
from mlgitops.core.functions import Function

RULE: Final = "function-parameters"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find arguments that do not fit, by reading the function and never by importing it."""
    for call in calls(draft):
        found = draft.functions.find(call.function, call.folder)
        if not isinstance(found, Function) or not call.settled:
            continue
        name = call.function.partition(":")[2]
        where = f"{found.path}:{found.line}"
        missing = [arg for arg in found.needs if arg not in call.given]
        for arg in found.by_place:
            yield Finding(
                rule=RULE,
                message=f"{name}() takes {arg!r} by place only, and {call.by} gives names",
                hint=f"delete the '/' among its parameters ({where})",
                at=call.at,
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
                hint=f"did you mean {meant!r}?"
                if meant
                else f"it takes {_listed(found)} ({where})",
                at=call.given_at(arg),
            )
        for arg in missing:
            if arg not in found.by_place:
                yield Finding(
                    rule=RULE,
                    message=f"{name}() needs {arg!r}, which {call.by} does not give it",
                    hint=f"add it to the inputs or params, or give it a default ({where})",
                    at=call.at,
                )


def _listed(function: Function) -> str:
    return ", ".join(function.accepts or ()) or "nothing"
