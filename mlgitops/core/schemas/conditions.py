"""Conditions between the keys of one mapping, as JSON Schema says them.

Each is here a second time after the model's own check, in a language without code. The tests judge
random documents by both: no condition here may refuse what the reader accepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlgitops.core.specs.base import Spec
from mlgitops.core.specs.contracts import Column
from mlgitops.core.specs.environments import Windows
from mlgitops.core.specs.gates import Gate
from mlgitops.core.specs.models import Evaluation
from mlgitops.core.specs.pipelines import Notify, OutputSpec, Step
from mlgitops.core.specs.projects import ForgeSpec, StoreSpec
from mlgitops.core.specs.signing import TrustedSpec

Condition = dict[str, Any]

# A key of a condition is no proposal: an editor would offer it once more, and with null.
_UNSEEN: Final = {"doNotSuggest": True}


def given(*keys: str) -> Condition:
    """Return the condition that one of ``keys`` is there with a value."""
    some = [
        {"required": [key], "properties": {key: {"not": {"type": "null"}, **_UNSEEN}}}
        for key in keys
    ]
    return some[0] if len(some) == 1 else {"anyOf": some}


def says(key: str, *words: str) -> Condition:
    """Return the condition that ``key`` is there and has one of the values ``words``."""
    return {"required": [key], "properties": {key: {"enum": list(words), **_UNSEEN}}}


def without(why: str, *keys: str) -> Condition:
    """Return the condition that each of ``keys`` is left out, or has no value."""
    return having({"type": "null", "errorMessage": why}, *keys)


def having(what: Condition, *keys: str) -> Condition:
    """Return the condition that the value of each of ``keys`` that is there is like ``what``."""
    return {"properties": dict.fromkeys(keys, what | _UNSEEN)}


def needed(why: str, *keys: str) -> Condition:
    """Return the condition that one of ``keys`` is given; ``why`` is shown when none is."""
    some = [{**given(key), "errorMessage": why} for key in keys]
    return some[0] if len(some) == 1 else {"anyOf": some}


def filled(key: str) -> Condition:
    """Return the condition that the list ``key`` is there and has items."""
    return {"required": [key], **having({"minItems": 1}, key)}


def exactly_one(what: str, keys: Sequence[str]) -> list[Condition]:
    """Return the conditions that one of ``keys`` is given; each further one is the error."""
    why = f"{what} has exactly one of {', '.join(keys[:-1])} and {keys[-1]}"
    further = [
        {"if": given(key), "then": without(why, *keys[place + 1 :])}
        for place, key in enumerate(keys[:-1])
    ]
    return [needed(why, *keys), *further]


def _step() -> list[Condition]:
    return [
        *exactly_one("a step", Step.KINDS),
        {
            "if": {"not": given("notebook")},
            "then": {"required": ["outputs"], **having({"minProperties": 1}, "outputs")},
        },
        {
            "if": given("source", "sql"),
            "then": having({"minProperties": 1, "maxProperties": 1}, "outputs"),
        },
        *(
            having(
                {"pattern": rf"\.{suffix}$", "patternErrorMessage": f"not a .{suffix} file"}, key
            )
            for key, suffix in (("notebook", "ipynb"), ("sql", "sql"))
        ),
    ]


def _gate() -> list[Condition]:
    beside = [
        {
            "if": {"not": given(*homes)},
            "then": without(f"{key} belongs to a {' or '.join(homes)} gate", key),
        }
        for key, homes in Gate.BELONGS.items()
        if key != "not_enough" and key not in Gate.LIMITS
    ]
    return [
        *exactly_one("a gate", Gate.KINDS),
        {
            "if": given("metric"),
            "then": {"allOf": exactly_one("a metric gate", Gate.LIMITS)},
            "else": without("a limit belongs to a metric gate", *Gate.LIMITS),
        },
        *beside,
    ]


def _forge() -> list[Condition]:
    owned = {"pattern": "^[^/]+/[^/]+$", "patternErrorMessage": "write it as owner/name"}
    return [
        {
            "if": having({"const": "local"}, "type"),
            "then": without("this belongs to a forge on a server", "repository", "url"),
        },
        {
            "if": says("type", "github", "gitlab", "gitea"),
            "then": {
                **given("repository"),
                "allOf": [without("rules bind the local forge only", "rules")],
            },
        },
        {"if": says("type", "gitea"), "then": given("url")},
        {"if": says("type", "github", "gitea"), "then": having(owned, "repository")},
    ]


def _trusted() -> list[Condition]:
    return [
        *exactly_one("a signer", TrustedSpec.WAYS),
        {
            "if": given("identity"),
            "then": needed("an identity needs its issuer", "issuer"),
            "else": without("an issuer belongs to an identity", "issuer"),
        },
    ]


def _column() -> list[Condition]:
    number = {"type": ["number", "null"]}
    moment = {"type": ["string", "null"], "pattern": r"^\S{4}-\S{2}-\S{2}([T ].*)?$"}
    bounds = [
        {"if": says("type", *types), "then": having(bound, "min", "max")}
        for types, bound in ((("integer", "number"), number), (("date", "timestamp"), moment))
    ]
    kinds = {"string": "string", "integer": "integer", "boolean": "boolean"}
    listed = [
        {
            "if": says("type", name),
            "then": having({"uniqueItems": True, "items": {"type": kind}}, "categories"),
        }
        for name, kind in kinds.items()
    ]
    return [
        {
            "if": says("type", "string", "boolean"),
            "then": without("values of this type have no smallest or largest one", "min", "max"),
        },
        {
            "if": says("type", "number", "date", "timestamp"),
            "then": without("values of this type have no categories", "categories"),
        },
        *bounds,
        *listed,
    ]


CONDITIONS: Final[dict[type[Spec], list[Condition]]] = {
    Step: _step(),
    OutputSpec: [
        {
            "if": given("contract"),
            "then": having({"enum": list(OutputSpec.TABLES)}, "format"),
        }
    ],
    Notify: [needed("notify tells nobody", "failure", "success")],
    Windows: [{"anyOf": [filled("deny"), filled("allow")]}],
    Evaluation: exactly_one("an evaluation", Evaluation.WAYS),
    Gate: _gate(),
    ForgeSpec: _forge(),
    # That both places differ is beyond a schema.
    StoreSpec: [
        {
            "if": {"not": given("remote")},
            "then": {"allOf": [without("this is about a remote store", "previews", "trust")]},
        }
    ],
    TrustedSpec: _trusted(),
    Column: _column(),
}
