"""From the models to JSON Schema: what the validation library cannot know is said here."""

from __future__ import annotations

import re
from typing import Any, Final, get_args

from pydantic.json_schema import GenerateJsonSchema, JsonRef, JsonSchemaValue
from pydantic_core import core_schema

from mlgitops.core.schemas.conditions import CONDITIONS, says
from mlgitops.core.schemas.snippets import SNIPPETS
from mlgitops.core.specs.base import Different, Matching, RelativePath, Short

# Python's own classes reach beyond ASCII. Editors have no word for that: what is no ASCII passes.
_WORDS: Final = {r"\w": r"0-9A-Za-z_\u0080-\uffff", r"\d": r"0-9\u0080-\uffff"}
_RELATIVE: Final = r"^(?![/~])(?!([\s\S]*/)?\.\.(/|(?![\s\S])))[^\\\x00]+$"
_UNTYPED: Final = ("$ref", "anyOf", "oneOf", "allOf", "if")


class Generator(GenerateJsonSchema):
    """Patterns, short forms, unions by ``type`` and conditions, as the reader checks them."""

    def get_title_from_name(self, name: str) -> str:
        """Return a key's title: the key, as it is written."""
        return name

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Show a pattern; a short form beside the long one."""
        inner = self.generate_inner(schema["schema"])
        check: object = schema["function"]["function"]
        if isinstance(check, Matching):
            words = f"not {check.what}: {check.hint}"
            return inner | {"pattern": portable(check.pattern), "patternErrorMessage": words}
        if isinstance(check, Short):
            whole = self.get_schema_from_definitions(JsonRef(inner["$ref"])) or {}
            return {"anyOf": [whole["properties"][check.key], inner]}
        raise TypeError(f"what do editors have to know about {check}?")

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Show what is different from one another, and paths."""
        inner = self.generate_inner(schema["schema"])
        check: object = schema["function"]["function"]
        if check is _function(Different):
            return inner | {"uniqueItems": True}
        if check is _function(RelativePath):
            words = "not a path inside of the repository: write it with '/' and without '..'"
            return inner | {"pattern": _RELATIVE, "patternErrorMessage": words}
        return inner

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Show that a key may be there without a value, as one type and not as a choice of two."""
        inner = self.generate_inner(schema["schema"])
        if any(key in inner for key in _UNTYPED):
            return {"anyOf": [inner, {"type": "null"}]}
        if "const" in inner:
            inner["enum"] = [inner.pop("const")]
        if "enum" in inner:
            inner["enum"] = [*inner["enum"], None]
        return inner | {"type": [inner["type"], "null"]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave out a default of nothing: an editor would write it down."""
        shown = super().default_schema(schema)
        default = shown.get("default")
        if isinstance(default, dict):
            shown["default"] = {key: one for key, one in default.items() if one is not None}
        elif default is None:
            shown.pop("default", None)
        return shown

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Show the names that the keys of a mapping may have."""
        shown: JsonSchemaValue = {"type": "object"}
        keys = self.generate_inner(schema.get("keys_schema", core_schema.str_schema()))
        if keys != {"type": "string"}:
            shown["propertyNames"] = keys
        values = self.generate_inner(schema.get("values_schema", core_schema.any_schema()))
        if values:
            shown["additionalProperties"] = values
        if "min_length" in schema:
            shown["minProperties"] = schema["min_length"]
        if "max_length" in schema:
            shown["maxProperties"] = schema["max_length"]
        return shown

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Let ``type`` choose the member, so that an error is about that member only."""
        members = {
            str(tag): self.generate_inner(choice) for tag, choice in schema["choices"].items()
        }
        by = schema["discriminator"]
        if not isinstance(by, str):
            return {"anyOf": list(members.values())}
        return {
            "type": "object",
            "required": [by],
            "properties": {by: {"enum": list(members)}},
            "allOf": [{"if": says(by, tag), "then": member} for tag, member in members.items()],
        }

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Add the conditions between the keys of a model, and how to start writing one."""
        shown = super().model_schema(schema)
        model = schema["cls"]
        if model in CONDITIONS:
            shown["allOf"] = CONDITIONS[model]
        if model in SNIPPETS:
            shown["defaultSnippets"] = SNIPPETS[model]
        return shown

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Keep the order of the models: it is the one in which an editor offers the keys."""
        return value


def portable(pattern: re.Pattern[str]) -> str:
    r"""Return the whole-text ``pattern`` in words that Python, ECMAScript and Rust share.

    ``\w`` and ``\d`` reach beyond ASCII in Python alone: what is shown reaches at least as far.
    """
    pieces, inside = [], False
    for piece in re.findall(r"\\.|[^\\]", pattern.pattern, re.DOTALL):
        if piece in _WORDS:
            pieces.append(_WORDS[piece] if inside else f"[{_WORDS[piece]}]")
            continue
        if piece in "[]":
            inside = piece == "["
        pieces.append(piece)
    return f"^({''.join(pieces)})$"


def _function(annotation: Any) -> object:
    """Return the function of a check, or of the check that an annotated type ends with."""
    check = get_args(annotation)[-1] if get_args(annotation) else annotation
    return check.func
