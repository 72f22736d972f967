"""Signatures on what a release says of itself: who makes them, and whose count.

A signer is one of the modules here, chosen by ``signing.with`` (see ``wiring``). Checking needs no
secret and no network: ``checks`` reads whatever a signer of any kind has made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Signer(Protocol):
    """Signs with one key or identity. Raises Refused when that is not at hand."""

    @property
    def envelope(self) -> str:
        """The name of the attestation that ``sign`` makes (see ``core.attestations``)."""
        ...

    def sign(self, statement: bytes) -> bytes:
        """Return the attestation of an in-toto statement."""
        ...

    def sign_files(self, folder: Path) -> bytes | None:
        """Return an OpenSSF model-signing bundle over a folder; None when the key cannot."""
        ...
