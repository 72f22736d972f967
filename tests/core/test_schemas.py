"""What an editor is told is what the reader says: the two judge the same documents."""

import copy
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mlgitops.core import unsupported
from mlgitops.core.digests import JSON
from mlgitops.core.schemas import ANY, FILES, kinds, schema, schemas
from mlgitops.core.schemas.conditions import CONDITIONS
from mlgitops.core.schemas.generating import portable
from mlgitops.core.schemas.snippets import SNIPPETS
from mlgitops.core.sources import Document, parse
from mlgitops.core.specs.base import Located, Spec
from mlgitops.core.specs.contracts import RowCount
from mlgitops.core.specs.environments import Window
from mlgitops.core.specs.parsing import read_one_of
from mlgitops.core.specs.signing import SigningSpec

ROOT = Path(__file__).parents[2]
# Every key of every kind once, which a test below makes sure of.
WHOLE = ROOT / "tests/data/specs"
# Checks that JSON Schema has no words for: one number against another, a duration of nothing.
BEYOND: set[type[Spec]] = {RowCount, SigningSpec, Window}

Judge = Callable[[JSON], bool]


def reader(name: str) -> Judge:
    """Whether the reader takes a document for one of the file ``name``."""
    allowed = kinds(name)
    return lambda value: isinstance(
        read_one_of(Document(path="a.yaml", value=value, places={}), allowed), Located
    )


READERS = {name: reader(name) for name in FILES}
VALIDATORS = {name: Draft202012Validator(one) for name, one in schemas().items()}
WHOLE_DOCUMENTS = [
    (name, document.value)
    for name in FILES
    for document in parse((WHOLE / f"{name}.yaml").read_bytes(), f"{name}.yaml")
]


def definitions() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for model, one in schema(ANY)["$defs"].items():
        for key, shown in one.get("properties", {}).items():
            yield model, key, shown


# -- what a schema says -----------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FILES, ANY])
def test_a_schema_is_one_of_draft_2020_12(name: str) -> None:
    one = schema(name)
    Draft202012Validator.check_schema(one)
    assert one["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert one["$id"] == f"urn:mlgitops:v1:{name}"


def test_every_key_has_its_name_as_title_and_a_description() -> None:
    silent = [
        f"{model}.{key}"
        for model, key, shown in definitions()
        if not shown.get("description") or shown["title"] != key
    ]
    assert not silent, f"give these a Field(description=...): {silent}"


def test_every_key_shows_its_default_or_that_it_is_required() -> None:
    for model, key, shown in definitions():
        required = key in schema(ANY)["$defs"][model].get("required", ())
        assert required == shown["markdownDescription"].endswith("Required."), f"{model}.{key}"
        assert not (required and "default" in shown)
    step = schema("pipeline")["$defs"]["Step"]["properties"]
    assert step["timeout"]["default"] == "1h"
    assert step["timeout"]["markdownDescription"].endswith("\n\nDefault: `1h`")


def test_a_key_that_is_not_acted_on_yet_says_so() -> None:
    told = {(model, key): shown["description"] for model, key, shown in definitions()}
    for row in unsupported.ALL:
        assert (
            any(
                key == row.keys[-1] and f"{row.so}" in text and "Not acted on yet" in text
                for (_, key), text in told.items()
            )
            or row.keys[-1] == unsupported.EACH
        ), row
    saying = {key for (_, key), text in told.items() if "Not acted on yet" in text}
    assert saying == {row.keys[-1] for row in unsupported.ALL} - {unsupported.EACH}


def test_every_mapping_of_known_keys_refuses_others() -> None:
    for model, one in schema(ANY)["$defs"].items():
        assert not one or one["additionalProperties"] is False, model


def test_every_kind_of_document_has_a_schema() -> None:
    todo, known = [Spec], set[type[Spec]]()
    while todo:
        below = todo.pop().__subclasses__()
        todo += below
        known |= {one for one in below if "kind" in one.model_fields}
    assert {one for one in known if one.__module__.startswith("mlgitops.")} == set(kinds(ANY))


def test_every_check_between_keys_is_a_condition_or_beyond_json_schema() -> None:
    todo, checked = list[type[Spec]]([Spec]), set[type[Spec]]()
    while todo:
        below = todo.pop().__subclasses__()
        todo += below
        checked |= {one for one in below if one.__pydantic_decorators__.model_validators}
    assert {one for one in checked if one.__module__.startswith("mlgitops.")} == (
        set(CONDITIONS) | BEYOND
    )


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"[a-z]+", "abc", True),
        (r"[a-z]+|[0-9]", "5a", False),
        (r"[\w.]+", "é.b", True),
        (r"\w+", "a-b", False),
        (r"\d+(m|s)", "20m", True),
        (r"\d+(m|s)", "xm", False),
        (r"a\.b", "axb", False),
        (r"[\]\\w]", "w", True),
    ],
)
def test_a_pattern_means_the_whole_text_in_every_language(pattern, text, fits) -> None:
    shown = portable(re.compile(pattern))
    assert bool(re.search(shown, text)) is fits
    assert r"\w" not in shown.replace(r"\\w", "") and r"\d" not in shown


def test_a_document_goes_to_the_schema_of_its_kind() -> None:
    model = {"apiVersion": "mlgitops/v1", "kind": "Model", "nam": "x"}
    told = [error.message for error in VALIDATORS["pipeline"].iter_errors(model)]
    assert "'evaluation' is a required property" in told
    assert "'steps' is a required property" not in told
    unknown = {"kind": "Modle", "nam": "x"}
    [error] = VALIDATORS["pipeline"].iter_errors(unknown)
    assert error.message == "'Modle' is not one of ['Pipeline', 'Model']"
    nothing = [error.message for error in VALIDATORS["pipeline"].iter_errors({})]
    assert "'steps' is a required property" in nothing


# -- the schema and the reader judge alike ----------------------------------------------------


def test_the_documents_have_every_key_once() -> None:
    written = {key for _, value in WHOLE_DOCUMENTS for key in keys(value)}
    assert {key for _, key, _ in definitions()} <= written
    types = {word for _, value in WHOLE_DOCUMENTS for word in scalars(value)}
    for _, key, shown in definitions():
        if key == "type":
            assert set(shown.get("enum", [shown.get("const")])) <= types | {"github"}


@pytest.mark.parametrize(("name", "value"), WHOLE_DOCUMENTS, ids=[n for n, _ in WHOLE_DOCUMENTS])
def test_a_document_with_every_key_is_right_for_both(name: str, value: JSON) -> None:
    assert READERS[name](value)
    assert not [error.message for error in VALIDATORS[name].iter_errors(value)]
    assert VALIDATORS[ANY].is_valid(value)


def specs_of_the_repository() -> Iterator[tuple[str, Path]]:
    folders = [ROOT / "pipelines", ROOT / "environments", ROOT / "tests/data/rules"]
    for folder in [*folders, ROOT / "mlgitops/scaffold/templates"]:
        for path in sorted(folder.rglob("*.yaml")):
            name = path.parent.name.removesuffix("s")
            name = name if name in ("pin", "hold", "snapshot", "contract") else path.stem
            name = "project" if path.name == "mlgitops.yaml" else name
            if name in FILES:
                yield name, path


def test_every_spec_of_the_repository_is_judged_alike() -> None:
    seen = set()
    for name, path in specs_of_the_repository():
        try:
            documents = parse(path.read_bytes(), path.name)
        except Exception:  # not YAML, on purpose: neither ever sees a document
            continue
        for document in documents:
            if READERS[name](document.value):
                seen.add(name)
                errors = [error.message for error in VALIDATORS[name].iter_errors(document.value)]
                assert not errors, f"{path}: {errors}"
    assert seen >= {"project", "pipeline", "model", "environment", "pin", "snapshot"}


@settings(max_examples=250, deadline=None)
@given(chance=st.randoms(use_true_random=False), times=st.integers(1, 4))
def test_what_the_reader_accepts_no_schema_refuses(chance: random.Random, times: int) -> None:
    name, value = chance.choice(WHOLE_DOCUMENTS)
    for _ in range(times):
        value = mutated(value, chance)
    if READERS[name](value):
        assert not [error.message for error in VALIDATORS[name].iter_errors(value)], value


def test_nearly_all_that_the_reader_refuses_the_schema_refuses_too() -> None:
    chance, refused, also, missed = random.Random(7), 0, 0, []
    for _ in range(800):
        name, value = chance.choice(WHOLE_DOCUMENTS)
        value = mutated(value, chance)
        if not READERS[name](value):
            refused += 1
            if VALIDATORS[name].is_valid(value):
                missed.append((name, value))
            else:
                also += 1
    assert refused > 400
    assert also / refused >= 0.97, f"{also} of {refused}"


# -- what an editor offers --------------------------------------------------------------------


def filled_in(body: JSON) -> JSON:
    """A snippet as it stands in the file when nothing but its own words is typed."""
    match body:
        case dict():
            return {str(filled_in(key)): filled_in(value) for key, value in body.items()}
        case list():
            return [filled_in(item) for item in body]
        case str():
            words = re.sub(r"\$\{\d+[:|]([^}|,]*)[^}]*\}", r"\1", body)
            if words.startswith('"'):
                return words.strip('"')
            return float(words) if re.fullmatch(r"\d+\.\d+", words) else words
        case _:
            return body


@pytest.mark.parametrize(
    ("model", "snippet"),
    [(model, one) for model, them in SNIPPETS.items() for one in them],
    ids=[one["label"] for them in SNIPPETS.values() for one in them],
)
def test_what_an_editor_offers_to_start_with_is_right(model: type[Spec], snippet: Any) -> None:
    model.model_validate(filled_in(snippet["body"]))


# -- mistakes ---------------------------------------------------------------------------------

VALUES: list[Any] = [
    *[None, True, False, 0, 1, -1, 7, 0.5, 2.0, 1e9, "", "x", "a b", "é", "20m", "50MB", "1.4.0"],
    *["a.b", "a:b", "../x", "x/y", "/etc", "~", "0 5 * * 1", "${NAME}", "https://e.com/a"],
    *["sha256:" + "0" * 64, "UTC", "required", "live", "2024-06-30", "a.ipynb", "q.sql", "20m\n"],
    *[[], {}, [1], ["x"], ["x", "x"], {"a": 1}, {"file": "a"}, {"format": "csv"}, [None]],
]


def keys(value: JSON) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def scalars(value: JSON) -> Iterator[JSON]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from scalars(item)
    else:
        yield value


VOCABULARY = sorted({key for _, value in WHOLE_DOCUMENTS for key in keys(value)})
WORDS: list[JSON] = [*sorted({str(one) for _, value in WHOLE_DOCUMENTS for one in scalars(value)})]


def pairs(value: JSON) -> Iterator[tuple[str, JSON]]:
    for one in containers(value):
        if isinstance(one, dict):
            yield from one.items()


def containers(value: JSON) -> Iterator[dict[str, JSON] | list[JSON]]:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


SEEN = {
    key: [v for _, one in WHOLE_DOCUMENTS for k, v in pairs(one) if k == key] for key in VOCABULARY
}


def mutated(value: JSON, chance: random.Random) -> JSON:
    """``value`` with one mistake, or one change that is none."""
    changed = copy.deepcopy(value)
    nothing: list[JSON] = [None]
    place = chance.choice([one for one in containers(changed) if one] or [nothing])
    other = copy.deepcopy(chance.choice(VALUES if chance.random() < 0.6 else WORDS))
    if isinstance(place, list):
        index = chance.randrange(len(place))
        match chance.randrange(4):
            case 0:
                del place[index]
            case 1:
                place.append(copy.deepcopy(place[index]))
            case 2:
                place.append(other)
            case _:
                place[index] = other
        return changed
    key = chance.choice(list(place))
    # Often what stands there elsewhere, or nothing: right as often as wrong.
    if chance.random() < 0.5:
        place[key] = copy.deepcopy(chance.choice([*SEEN.get(key, ()), None]))
        return changed
    match chance.randrange(6):
        case 0:
            del place[key]
        case 1:
            place[chance.choice(VOCABULARY)] = place.pop(key)
        case 2:
            place[chance.choice(VOCABULARY)] = other
        case 3:
            place[key + "x"] = place.pop(key)
        case _:
            place[key] = other
    return changed
