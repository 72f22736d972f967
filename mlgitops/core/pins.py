"""Pins and holds: what an environment runs. One byte more or less in a pin is tampering."""

from __future__ import annotations

import re
from typing import Final, TypeVar

from mlgitops.core.digests import Digest
from mlgitops.core.errors import SpecError, UsageError
from mlgitops.core.releases import Version
from mlgitops.core.scalars import scalar
from mlgitops.core.sources import parse
from mlgitops.core.specs.base import API_VERSION, Located
from mlgitops.core.specs.environments import REASON_MAX, Hold, Pin
from mlgitops.core.specs.parsing import read_spec

S = TypeVar("S", Pin, Hold)

_PIN_NOTE: Final = "# Written by mlgitops, by pull request only: see `mlgitops promote --help`."
_HOLD_NOTE: Final = "# Written by mlgitops, by pull request only: see `mlgitops hold --help`."
_PATH: Final = re.compile(r"environments/([^/]+)/(pin|hold)s/([^/]+)\.yaml")


def pin_path(environment: str, model: str) -> str:
    """Return where the pin of a model in an environment stands."""
    return f"environments/{environment}/pins/{model}.yaml"


def parse_path(path: str) -> tuple[str, str, str] | None:
    """Return (``pin`` or ``hold``, environment, model) of such a file's path, or None."""
    match = _PATH.fullmatch(path)
    return None if match is None else (match[2], match[1], match[3])


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


def read_as(kind: type[S], data: bytes | None, path: str) -> S | None:
    """Return a pin or a hold out of any commit's file, or None when there is no readable one.

    For looking at the past and at proposals; what counts is read with ``workspaces.load``.
    """
    if data is None:
        return None
    try:
        documents = parse(data, path)
    except SpecError:
        return None
    found = read_spec(documents[0], kind) if documents else ()
    return found.spec if isinstance(found, Located) else None


def hold_path(environment: str, model: str) -> str:
    """Return where the hold of a model in an environment stands."""
    return f"environments/{environment}/holds/{model}.yaml"


def reason_of(text: str) -> str:
    """Return what may stand in a hold as its reason; UsageError for what its file refuses."""
    if not text.strip() or len(text) > REASON_MAX or not text.isprintable():
        short = text if len(text) <= 40 else text[:40] + "…"
        raise UsageError(
            f"the reason {short!r} cannot be used",
            hint=f"one line of at most {REASON_MAX} printable characters",
        )
    return text


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
