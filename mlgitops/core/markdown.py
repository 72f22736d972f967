"""Text that anybody may have written, put where Markdown is read."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~])")
_MENTION = re.compile(r"([@#!])(?=\w)")


def inert(text: str) -> str:
    """Return ``text`` so that Markdown, mentions and issue references in it do nothing."""
    flat = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _MENTION.sub("\\1\u200b", flat)
