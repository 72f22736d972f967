"""What is served, by name, version and digest."""

from __future__ import annotations

import msgspec


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``release.json``. ``files``: digests by file name, verified at load."""

    model: str
    version: str
    digest: str
    files: dict[str, str] = msgspec.field(default_factory=dict)
