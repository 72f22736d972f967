"""What this version reads in a spec and does not act on yet: said once, here.

``validate`` says it (rule ``not-yet``); where ignoring a key would change what a step means, or let
a release pass unasked, the verb refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark
from mlgitops.core.sources import Document, Key, Keys
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.pipelines import Pipeline

EACH: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """One key that is read and not acted on.

    ``keys``: where it stands in a document of ``kind``; ``*`` is each key or item. ``values``: only
    these are not acted on; none: all are. ``so``: what follows. ``instead``: what to do.
    ``refused``: whether ``plan`` and ``run`` refuse a step with it, which would not do what its
    spec says.
    """

    kind: str
    keys: tuple[str, ...]
    so: str
    instead: str
    values: tuple[str, ...] = ()
    refused: bool = False


_PERSON: Final = "leave it out, and let a person look: approvals: {count: 1}"
_CHECK: Final = "leave it out, and check it in a step of the pipeline, which fails"
# The gates that no release can pass yet, because nothing decides them.
GATES: Final = {
    "contract": _CHECK,
    "freshness": _CHECK,
    "soak": _PERSON,
    "health": "leave it out, and look with `mlgitops monitor` before you approve",
    "run": _CHECK,
    "command": _CHECK,
}
_FETCH: Final = "fetch it in a function: source: {type: python, run: 'module:function'}"
_NO_STEP: Final = "`plan` and `run` refuse the step"

ALL: Final = (
    NotYet(
        kind="Project",
        keys=("forge", "type"),
        values=("github", "gitlab", "gitea"),
        so="commands that need a pull request refuse",
        instead="write 'forge: {type: local}' for pull requests in the repository's own refs",
    ),
    NotYet(
        kind="Pipeline",
        keys=("schedule",),
        so="nothing runs by itself",
        instead="leave it out, and call `mlgitops retrain` from a workflow that has a schedule",
    ),
    NotYet(
        kind="Pipeline",
        keys=("steps", EACH, "source", "type"),
        values=("bucket",),
        so=_NO_STEP,
        instead=_FETCH,
        refused=True,
    ),
    *(
        NotYet(
            kind=kind,
            keys=("gates", EACH, key),
            so="the gate answers 'error', and no release passes it",
            instead=instead,
        )
        for kind in ("Model", "Environment")
        for key, instead in GATES.items()
    ),
    NotYet(
        kind="Environment",
        keys=("windows",),
        so="every promotion is refused, for nothing knows whether a window is open",
        instead="leave them out; `mlgitops hold` stops the promotions of a model",
    ),
    NotYet(
        kind="Environment",
        keys=("approvals", "teams"),
        so="no promotion can be merged, for nothing knows who is in a team",
        instead="leave them out, and ask for a number of people: count",
    ),
    NotYet(
        kind="Environment",
        keys=("promotion", "merge"),
        values=("auto",),
        so="a person merges",
        instead="write 'merge: person', or leave it out",
    ),
)

_Trie: TypeAlias = "dict[str, _Trie | list[NotYet]]"


def _tries() -> Mapping[str, _Trie]:
    """Return the table by kind and key, so that a document is walked once."""
    found: dict[str, _Trie] = {}
    for row in ALL:
        place = found.setdefault(row.kind, {})
        for key in row.keys:
            # A short form (parquet for {format: parquet}) is a leaf where the long form goes on.
            inner = place.setdefault(key, {})
            assert isinstance(inner, dict)
            place = inner
        here = place.setdefault("", [])
        assert isinstance(here, list)
        here.append(row)
    return found


_TRIES: Final = _tries()


def found_in(document: Document) -> Iterator[tuple[Keys, NotYet]]:
    """Yield every key of ``document`` that is not acted on, in the order of the table."""
    value = document.value
    kind = value.get("kind") if isinstance(value, dict) else None
    trie = _TRIES.get(kind) if isinstance(kind, str) else None
    if trie is not None:
        yield from _walk(value, trie, ())


def _walk(value: JSON, trie: _Trie, keys: Keys) -> Iterator[tuple[Keys, NotYet]]:
    for key, inner in trie.items():
        if isinstance(inner, list):
            yield from ((keys, row) for row in inner if _counts(row, value))
            continue
        items: list[tuple[Key, JSON]] = []
        if key != EACH:
            items = [(key, value[key])] if isinstance(value, dict) and key in value else []
        elif isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, list):
            items = list(enumerate(value))
        for name, item in items:
            yield from _walk(item, inner, (*keys, name))


def _counts(row: NotYet, value: JSON) -> bool:
    if row.values:
        return isinstance(value, str) and value in row.values
    return value is not None and value != [] and value != {}


def told(keys: Keys, row: NotYet, document: Document) -> tuple[str, Mark]:
    """Return what is not acted on, in words, and where it stands."""
    name = next((key for key in reversed(keys) if isinstance(key, str)), "")
    if not row.values:
        return repr(name), document.mark_key(*keys)
    value = document.value
    for key in keys:
        value = value[key]  # type: ignore[index]
    what = f"the format {value!r}" if row.keys[-1] == EACH else f"'{name}: {value}'"
    return what, document.mark(*keys)


def refuse(pipeline: Located[Pipeline], steps: Collection[str]) -> None:
    """Raise SpecError when one of the named steps would not be what its spec says."""
    places = {index for index, step in enumerate(pipeline.spec.steps) if step.name in steps}
    found = [
        (keys, row)
        for keys, row in found_in(pipeline.document)
        if row.refused and (keys[0] != "steps" or keys[1] in places)
    ]
    if found:
        keys, row = found[0]
        what, at = told(keys, row, pipeline.document)
        more = f" (nor {len(found) - 1} more of its keys)" if len(found) > 1 else ""
        raise SpecError(
            f"{what} is not acted on yet{more}: the pipeline {pipeline.spec.name!r} cannot run",
            hint=row.instead,
            at=at,
        )
