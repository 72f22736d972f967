"""Strategies of specs: made from the models themselves, so that a new key is tried by itself."""

from __future__ import annotations

import json
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from hypothesis import strategies as st
from pydantic import BeforeValidator, JsonValue
from pydantic.fields import FieldInfo

from mlgitops.core.specs.base import API_VERSION, Matching, Spec

# Names that the good repository has, and that meet one another by chance.
NAMES = ("churn", "train", "features", "customers", "dev", "prod", "model", "a")
WORDS = (
    *NAMES,
    *("train.model", "features.test", "features.train", "train:fit", "sources:customers"),
    *("params.a", "7d", "90s", "50MB", "1.4.0", "sha256:" + "0" * 64, "roc_auc", "parquet"),
    *("0 6 * * 1", "params.a > 1", "../..", "a/../../b", "${SECRET}", "{inputs.a}", "{params.b}"),
    *("data/a.csv", "main", "*", "", " ", "é", "😀", "\x07", "\u202e", "\ufeff", "a" * 300),
)
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.sampled_from([[], {}, [[]], [None], {"a": {"b": []}}, {"type": "x"}, 2**63, 10**400]),
)
# YAML that no dumper writes.
RAW = (
    *("no", "on", "1e3", "0o17", "017", "0x1F", "1_000", "12:30", "1:2:3.4", "2026-01-05", "~"),
    *(".nan", "-.inf", "1e999", "9" * 5000, "!!python/name:os.system", "!!set {a}", "!x y", "*a"),
    *("&a [*a]", "&a b", "<<: {a: 1}", "{<<: x}", "? x", "- -", "[", "{", '"', "'", "|", ">", "%"),
    *("\t", "\r", "\x85", "\u2028", "\0", "---", "...", "@", "`", "# c", ": :", "{a: 1, a: 2}"),
)


def spec(model: type[Spec]) -> st.SearchStrategy[dict[str, Any]]:
    """Documents of one kind: right more often than not, with every key of the model tried."""
    return _mapping(model, 0)


def _mapping(model: type[Spec], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in model.model_fields.items():
        if name == "apiVersion":
            required[name] = st.just(API_VERSION)
        elif name == "kind":
            required[name] = st.just(get_args(field.annotation)[0])
        elif field.is_required():
            required[name] = _field(field, depth)
        elif depth < 4:
            optional[name] = _field(field, depth)
    right = st.fixed_dictionaries(required, optional=optional)
    return st.one_of(right, right, right, right.flatmap(_spoilt))


@st.composite
def _spoilt(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """Take a key away, misspell one, or put something else under one."""
    if not document:
        return {"x": 1}
    key = draw(st.sampled_from(sorted(document)))
    value = document.pop(key)
    what = draw(st.sampled_from(("gone", "misspelt", "junk", "listed")))
    if what == "misspelt":
        document[draw(st.sampled_from((key[:-1], key.upper(), key + "s", key[::-1])))] = value
    elif what == "junk":
        document[key] = draw(JUNK)
    elif what == "listed":
        document[key] = [value]
    return document


def _field(field: FieldInfo, depth: int) -> st.SearchStrategy[Any]:
    return _value(field.annotation, tuple(field.metadata), depth)


def _value(annotation: Any, metadata: tuple[Any, ...], depth: int) -> st.SearchStrategy[Any]:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _value(inner, (*metadata, *more), depth)
    return (
        st.one_of(_right(annotation, metadata, depth), st.sampled_from(WORDS))
        if (annotation is str)
        else _right(annotation, metadata, depth)
    )


def _right(annotation: Any, metadata: tuple[Any, ...], depth: int) -> st.SearchStrategy[Any]:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return st.one_of(*(_value(one, (), depth) for one in args))
    if origin is Literal:
        return st.sampled_from(args)
    if origin is list:
        return st.lists(_value(args[0], (), depth + 1), max_size=3)
    if origin is dict:
        return st.dictionaries(_key(args[0]), _value(args[1], (), depth + 1), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return _mapping(annotation, depth + 1)
    if annotation is str:
        return _text(metadata)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: st.integers(-1, 12),
        float: st.floats(-1, 2, allow_nan=False),
        type(None): st.none(),
    }
    return simple.get(annotation, JUNK if annotation is JsonValue else st.sampled_from(WORDS))


def _key(annotation: Any) -> st.SearchStrategy[str]:
    del annotation
    return st.sampled_from(("a", "b", "model", "train", "test", "with_x", "not a name", "1"))


def _text(metadata: tuple[Any, ...]) -> st.SearchStrategy[str]:
    for one in metadata:
        if isinstance(one, BeforeValidator) and isinstance(one.func, Matching):
            return st.one_of(
                st.sampled_from(NAMES), st.from_regex(one.func.pattern, fullmatch=True)
            )
    return st.sampled_from(WORDS)


@st.composite
def written(draw: st.DrawFn, document: dict[str, Any]) -> bytes:
    """The document as a person, a dumper, JSON or a machine in a bad mood writes it."""
    form = draw(st.sampled_from(("block", "block", "flow", "json", "raw")))
    if form == "json":
        return json.dumps(document).encode("utf-8", "surrogatepass")
    text = yaml.safe_dump(document, default_flow_style=form == "flow", allow_unicode=True)
    if form == "raw":
        lines = text.splitlines() or [""]
        place = draw(st.integers(0, len(lines) - 1))
        start, colon, _ = lines[place].partition(":")
        lines[place] = f"{start}{colon or ':'} {draw(st.sampled_from(RAW))}"
        text = draw(st.sampled_from(("\n", "\r\n", "\r"))).join(lines)
    return text.encode("utf-8", "surrogatepass")
