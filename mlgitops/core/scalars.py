"""Values as YAML text that can be nothing but the value: JSON, in the part that YAML shares."""

from __future__ import annotations

import json
import re

from mlgitops.core.digests import JSON

# What JSON allows raw in a string and YAML does not, or reads as a line break.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def scalar(value: JSON) -> str:
    """Return ``value`` on one line, to be read back as exactly that by JSON and by YAML.

    Raises ValueError for NaN and infinity, TypeError for what is no JSON value.
    """
    if isinstance(value, dict):
        pairs = (f"{scalar(str(key))}: {scalar(item)}" for key, item in sorted(value.items()))
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, float) and "." not in text:
        # JSON may write 1e-05, which YAML reads as text.
        return text.replace("e", ".0e", 1)
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
