"""A function that a spec names is in its module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from mlgitops.core.calls import Call, calls
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.functions import Answer, Function, NoFunction, NoModule
from mlgitops.core.marks import Mark
from mlgitops.core.parsing import NotPython, NotRead

RULE: Final = "function-exists"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find functions that are not there, by reading the modules and never by importing them."""
    for call in calls(draft):
        answer = draft.functions.find(call.function, call.folder)
        wrong = _wrong(call.function, answer)
        if wrong is not None:
            message, hint = wrong
            yield Finding(
                rule=RULE,
                message=message,
                hint=hint,
                at=_place(call, answer),
                severity="unknown" if isinstance(answer, NotRead) else "error",
            )


def _place(call: Call, answer: Answer) -> Mark:
    """Return where the module is named, or the function when the module is as it should be."""
    colon = call.function.index(":")
    if isinstance(answer, NoModule | NotPython | NotRead):
        return call.at.part(call.function, 0, colon)
    return call.at.part(call.function, colon + 1)


def _wrong(function: str, answer: Answer) -> tuple[str, str] | None:
    module, _, name = function.partition(":")
    match answer:
        case NoModule(looked=looked, modules=modules):
            hint = did_you_mean(module, modules) or f"it would be {' or '.join(looked)}"
            return f"there is no module {module!r}", hint
        case NotPython(path=path, line=line, why=why):
            return f"{path}:{line} is not Python: {why}", "repair the module"
        case NoFunction(path=path, functions=functions):
            hint = did_you_mean(name, functions) or f"define it: 'def {name}(…)'"
            return f"{path} has no function {name!r}", hint
        case NotRead(path=path, why=why):
            return f"{path} is not looked into: {why}", "it is not known whether the call fits"
        case Function(plain=False, path=path):
            hint = f"write 'def {name}' without 'async'"
            return f"{name!r} in {path} is a coroutine, and nobody awaits it here", hint
        case Function():
            return None
        case _:
            assert_never(answer)
