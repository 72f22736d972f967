"""Content digests: ``sha256:<64 hex>`` of bytes, and of values through canonical JSON."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import NewType, TypeAlias, Union

from mlgitops.core.errors import MlgitopsError

Digest = NewType("Digest", str)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Made once: it takes longer to make one than to write a small value.
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)

JSON: TypeAlias = Union[bool, int, float, str, "list[JSON]", "dict[str, JSON]", None]


def parse_digest(text: str) -> Digest:
    """Return ``text`` as a digest; raise MlgitopsError when it is not ``sha256:<64 hex>``."""
    if not _DIGEST.fullmatch(text):
        raise MlgitopsError(f"{text!r} is not a digest", hint="write it as sha256:<64 hex digits>")
    return Digest(text)


def of_bytes(data: bytes) -> Digest:
    """Return the digest of ``data``."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def canonical(value: JSON) -> bytes:
    """Return ``value`` as canonical JSON: sorted keys, no blanks, UTF-8, and no NaN or infinity.

    A float that is a whole number is written as a float still (``1.0``), so that 1 and 1.0 differ:
    they are different parameters to a Python function.
    """
    try:
        return _CANONICAL.encode(value).encode()
    except ValueError:
        _refuse_nan(value)
        raise


def of_value(value: JSON) -> Digest:
    """Return the digest of the canonical JSON of ``value``."""
    return of_bytes(canonical(value))


def document(value: JSON) -> bytes:
    """Return ``value`` as the JSON text that people read in a commit: sorted, indented, newline."""
    _refuse_nan(value)
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def short(digest: str) -> str:
    """Return the first 12 hex digits, for people."""
    return digest.removeprefix("sha256:")[:12]


def hex_of(digest: Digest) -> str:
    """Return the 64 hex digits, for paths."""
    return digest.removeprefix("sha256:")


def _refuse_nan(value: JSON) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise MlgitopsError(f"{value} cannot be recorded", hint="NaN and infinity have no digest")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_nan(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_nan(item)
