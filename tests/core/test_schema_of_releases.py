"""The schema of the document in a tag: what is written fits it, and nothing that is wrong does."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mlgitops.core.release_documents import message, written
from mlgitops.core.releases import Bump
from mlgitops.core.schemas import RELEASE, schema
from tests.core.facts import release_document

VALIDATOR = Draft202012Validator(schema(RELEASE))
# Whatever a step's author calls a parameter, and however deep.
FREE = "params"

Keys = tuple[str | int, ...]


def document(**changes: Any) -> dict[str, Any]:
    told = replace(release_document(), **changes)
    told.evaluation["slices"] = ["country"]
    return written(message(told))


def places(value: object, keys: Keys = ()) -> Iterator[Keys]:
    """The place of everything in a document but what is below a free one."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
    for key, one in inside:
        yield (*keys, key)
        if isinstance(one, dict | list) and key != FREE:
            yield from places(one, (*keys, key))


def changed(value: dict[str, Any], keys: Keys, what: object) -> dict[str, Any]:
    found = copy.deepcopy(value)
    inner: Any = found
    for key in keys[:-1]:
        inner = inner[key]
    if what is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = what
    return found


WHOLE = document()


@pytest.mark.parametrize("bump", ["first", "major", "minor", "patch"])
def test_a_document_fits_as_it_is_written(bump: Bump) -> None:
    VALIDATOR.validate(document(bump=bump, reason="callers must know", recipe=WHOLE["digest"]))
    VALIDATOR.validate(document(task="binary-classification", because=()))


# What a proof of parity counts beside the keys that are always there.
BESIDE = ("parity", "own_label_differs")


@pytest.mark.parametrize(
    "keys",
    [keys for keys in places(WHOLE) if keys != BESIDE],
    ids=lambda keys: ".".join(map(str, keys)),
)
def test_what_is_mistyped_does_not(keys: Keys) -> None:
    assert not VALIDATOR.is_valid(changed(WHOLE, keys, [{"no": "such"}]))


@pytest.mark.parametrize(
    "keys",
    [
        keys
        for keys in places(WHOLE)
        # Which files, metrics, steps and snapshots there are is each release's own.
        if isinstance(keys[-1], str)
        and keys[-2:-1] not in [(name,) for name in ("files", "metrics", "steps", "inputs")]
        and keys[-2:-1] != ("snapshots",)
        and keys != BESIDE
    ],
    ids=lambda keys: ".".join(map(str, keys)),
)
def test_what_is_missing_does_not(keys: Keys) -> None:
    assert not VALIDATOR.is_valid(changed(WHOLE, keys, None))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "1.0"),
        ("version", "v1.0.0"),
        ("digest", "sha256:abc"),
        ("digest", "a" * 64),
        ("model", "Churn Model"),
        ("task", "guessing"),
        ("bump", "huge"),
        ("kind", "Model"),
        ("apiVersion", "mlgitops/v2"),
        ("size", -1),
        ("no-such-key", 1),
    ],
)
def test_what_no_release_says_does_not(key: str, value: object) -> None:
    assert not VALIDATOR.is_valid({**WHOLE, key: value})


def test_every_key_of_a_document_is_described() -> None:
    def silent(shown: dict[str, Any], name: str) -> Iterator[str]:
        for key, one in shown.get("properties", {}).items():
            if not one.get("description"):
                yield f"{name}.{key}"
            yield from silent(one, f"{name}.{key}")

    assert set(schema(RELEASE)["properties"]) == set(WHOLE)
    assert not list(silent(schema(RELEASE), "release"))
