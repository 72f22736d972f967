"""DSSE envelopes: a statement with the signatures over it (secure-systems-lab/dsse, v1)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final, TypeAlias

from mlgitops.core.digests import JSON, canonical
from mlgitops.core.errors import MlgitopsError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
# What the attestations of a release are called.
STATEMENT: Final = "provenance.json"
ENVELOPE: Final = "provenance.dsse.json"
BUNDLE: Final = "provenance.sigstore.json"
MODEL: Final = "model.sigstore.json"
# All that a signature of ours is made for besides git's own.
NAMESPACE: Final = "mlgitops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One signature; ``keyid`` is a hint for who looks for the key, and proves nothing."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload and its signatures, each over ``pae(payload_type, payload)``."""

    payload: bytes
    payload_type: str = PAYLOAD_TYPE
    signatures: tuple[Signed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A signer known by a public key: the bytes of a PEM file, or one line of OpenSSH."""

    name: str
    key: bytes

    def to_json(self) -> dict[str, JSON]:
        """Return what tells this signer from any other."""
        return {"name": self.name, "key": self.key.decode("utf-8", "replace")}

    @property
    def is_ssh(self) -> bool:
        """Whether it is a line of OpenSSH."""
        return not self.key.lstrip().startswith(b"-----BEGIN")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIdentity:
    """A signer known by the identity in a short-lived certificate, and who vouched for it."""

    name: str
    identity: str
    issuer: str

    def to_json(self) -> dict[str, JSON]:
        """Return what tells this signer from any other."""
        return {"name": self.name, "identity": self.identity, "issuer": self.issuer}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedGpg:
    """A signer of tags, known by the fingerprint of an OpenPGP key."""

    name: str
    fingerprint: str

    def to_json(self) -> dict[str, JSON]:
        """Return what tells this signer from any other."""
        return {"name": self.name, "gpg": self.fingerprint}


Trusted: TypeAlias = "TrustedKey | TrustedIdentity | TrustedGpg"


class Untrusted(MlgitopsError):
    """A signature is wrong, or nobody who is trusted made it."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def to_bytes(envelope: Envelope) -> bytes:
    """Return the envelope as JSON."""
    return canonical(
        {
            "payload": base64.b64encode(envelope.payload).decode(),
            "payloadType": envelope.payload_type,
            "signatures": [
                {"keyid": one.keyid, "sig": base64.b64encode(one.sig).decode()}
                for one in envelope.signatures
            ],
        }
    )


def from_bytes(data: bytes) -> Envelope:
    """Read an envelope; MlgitopsError when it is none."""
    try:
        found = json.loads(data)
        return Envelope(
            payload=base64.b64decode(found["payload"], validate=True),
            payload_type=str(found["payloadType"]),
            signatures=tuple(
                Signed(
                    keyid=str(one.get("keyid", "")),
                    sig=base64.b64decode(one["sig"], validate=True),
                )
                for one in found["signatures"]
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, binascii.Error):
            raise MlgitopsError(f"is no DSSE envelope: {error}") from error
        raise MlgitopsError(f"is no DSSE envelope: {error!r}") from error
