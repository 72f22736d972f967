"""The words of a schema, for people who read them in an editor."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def worded(definition: Schema, known: Mapping[str, Schema]) -> Schema:
    """Return the schema of a model with its texts as an editor shows them.

    Each key gets its name as title, and in Markdown its description with its default. ``known`` are
    the definitions that it may refer to.
    """
    if "properties" not in definition:
        return definition
    text = _plain(definition["description"])
    texts = {"title": definition["title"], "description": text, "markdownDescription": text}
    shown = {**texts, **{key: one for key, one in definition.items() if key not in texts}}
    properties = {}
    for key, one in definition["properties"].items():
        # The library leaves out what a definition says already.
        meant = known.get(one.get("$ref", "").removeprefix("#/$defs/"), {})
        text = _plain(one.get("description") or meant.get("description", ""))
        marked = [text] if text else []
        if "default" in one and not isinstance(one["default"], dict):
            marked.append(f"Default: `{_yaml(one['default'])}`")
        elif key in shown.get("required", ()):
            marked.append("Required.")
        texts = {"title": key, "description": text, "markdownDescription": "\n\n".join(marked)}
        properties[key] = {**texts, **{name: it for name, it in one.items() if name not in texts}}
    return shown | {"properties": properties}


def _plain(text: str) -> str:
    """Return a docstring as one line a paragraph, with code in single backticks."""
    paragraphs = re.split(r"\n\s*\n", text.replace("``", "`"))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).strip()


def _yaml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
