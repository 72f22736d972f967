"""Pins and holds: what an environment runs. One byte more or less in a pin is tampering."""

from __future__ import annotations

import re
from typing import Final

from mlgitops.core.digests import Digest
from mlgitops.core.releases import Version
from mlgitops.core.scalars import scalar
from mlgitops.core.specs.base import API_VERSION

_PIN_NOTE: Final = "# Written by mlgitops, by pull request only: see `mlgitops promote --help`."
_HOLD_NOTE: Final = "# Written by mlgitops, by pull request only: see `mlgitops hold --help`."
_PIN: Final = re.compile(r"environments/([^/]+)/pins/([^/]+)\.yaml")


def pin_path(environment: str, model: str) -> str:
    """Return where the pin of a model in an environment stands."""
    return f"environments/{environment}/pins/{model}.yaml"


def parse_pin_path(path: str) -> tuple[str, str] | None:
    """Return (environment, model) of a pin's path, or None for any other."""
    match = _PIN.fullmatch(path)
    return None if match is None else (match[1], match[2])


def pin_bytes(model: str, version: Version | str, digest: Digest | str) -> bytes:
    """Return the only bytes that pin this release.

    A pin file whose bytes differ from these was not written by the tool.
    """
    lines = (
        _PIN_NOTE,
        f"apiVersion: {API_VERSION}",
        "kind: Pin",
        f"model: {model}",
        f"version: {version}",
        f"digest: {digest}",
    )
    return ("\n".join(lines) + "\n").encode()


def hold_path(environment: str, model: str) -> str:
    """Return where the hold of a model in an environment stands."""
    return f"environments/{environment}/holds/{model}.yaml"


def hold_bytes(model: str, reason: str, by: str) -> bytes:
    """Return the bytes that hold a model where it is. ``reason`` and ``by`` are any text."""
    lines = (
        _HOLD_NOTE,
        f"apiVersion: {API_VERSION}",
        "kind: Hold",
        f"model: {model}",
        f"reason: {scalar(reason)}",
        f"by: {scalar(by)}",
    )
    return ("\n".join(lines) + "\n").encode()


def rendered_folder(environment: str, model: str) -> str:
    """Return the folder of the manifests of a model in an environment."""
    return f"environments/{environment}/rendered/{model}"
