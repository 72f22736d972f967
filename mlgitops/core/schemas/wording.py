"""The words of a schema, for people who read them in an editor."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mlgitops.core.schemas.pending import Place, pending

Schema = dict[str, Any]


def worded(known: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the schemas of the models with their texts as an editor shows them.

    Each key gets its name as title, and in Markdown its description with its default.
    """
    later = pending(known)
    return {
        name: _worded(name, one, known, later) if "properties" in one else one
        for name, one in known.items()
    }


def _worded(
    model: str, definition: Schema, known: Mapping[str, Schema], later: Mapping[Place, str]
) -> Schema:
    text = _plain(definition["description"])
    texts = {"title": definition["title"], "description": text, "markdownDescription": text}
    shown = {**texts, **{key: one for key, one in definition.items() if key not in texts}}
    properties = {}
    for key, one in definition["properties"].items():
        # The library leaves out what a definition says already.
        meant = known.get(one.get("$ref", "").removeprefix("#/$defs/"), {})
        text = _plain(one.get("description") or meant.get("description", ""))
        text = f"{text} {later.get((model, key), '')}".strip()
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
