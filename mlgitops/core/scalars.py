"""Values as YAML text that can be nothing but the value: JSON, in the part that YAML shares."""

from __future__ import annotations

import json
import re

from mlgitops.core.digests import JSON

# What JSON allows raw in a string and YAML does not, or reads as a line break.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def scalar(value: JSON) -> str:
    """Return ``value`` on one line, to be read back as exactly that by JSON and by YAML."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
