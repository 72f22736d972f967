"""Sign with a private key in PEM: ECDSA (P-256, P-384, P-521) or Ed25519."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlgitops.core.attestations import ENVELOPE, PAYLOAD_TYPE, Envelope, Signed, pae, to_bytes
from mlgitops.core.errors import Refused
from mlgitops.signing.libraries import library

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MAKE: Final = "openssl ecparam -name prime256v1 -genkey -noout -out release.pem"


class KeySigner:
    """One private key. ``given``: the key in PEM, or the path of a file that holds it."""

    envelope = ENVELOPE

    def __init__(self, given: str | None, password: str | None) -> None:
        self._given = given
        self._password = None if not password else password.encode()

    def sign(self, statement: bytes) -> bytes:
        """See ``Signer.sign``: a DSSE envelope; its keyid is the SHA-256 of the public key."""
        key = self._key()
        public = key.public_key()
        signed = Signed(keyid=keyid(public), sig=_signature(key, pae(PAYLOAD_TYPE, statement)))
        return to_bytes(Envelope(payload=statement, signatures=(signed,)))

    def sign_files(self, folder: Path) -> bytes | None:
        """See ``Signer.sign_files``: that format knows ECDSA alone."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = self._key()
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        signing = library("model_signing.signing")
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        # The library reads keys from files only: this one is nobody else's, and goes at once.
        with tempfile.TemporaryDirectory() as place:
            secret, made = Path(place, "key.pem"), Path(place, "signature")
            secret.touch(mode=0o600)
            secret.write_bytes(pem)
            config = signing.Config().use_elliptic_key_signer(private_key=secret)
            config.sign(folder, made)
            return made.read_bytes()

    def _key(self) -> EllipticCurvePrivateKey | Ed25519PrivateKey:
        library("cryptography")
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519

        data = self._bytes()
        try:
            key = serialization.load_pem_private_key(data, self._password)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Refused(
                f"MLGITOPS_SIGNING_KEY is no private key that can be read: {error}",
                hint="a PEM file; its password, if it has one, is MLGITOPS_SIGNING_PASSWORD",
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
            raise Refused(
                f"MLGITOPS_SIGNING_KEY is an {type(key).__name__.lstrip('_')}",
                hint=f"take an ECDSA or Ed25519 key: {_MAKE}",
            )
        return key

    def _bytes(self) -> bytes:
        if not self._given:
            raise Refused(
                "signing.with is 'key', and the variable MLGITOPS_SIGNING_KEY is not set",
                hint=f"let it hold the private key, or the path of its file ({_MAKE})",
            )
        if self._given.lstrip().startswith("-----BEGIN"):
            return self._given.encode()
        try:
            return Path(self._given).expanduser().read_bytes()
        except OSError as error:
            raise Refused(
                f"MLGITOPS_SIGNING_KEY names a file that cannot be read: {error.strerror}",
                hint="the variable holds a private key in PEM, or the path of one",
            ) from error


def keyid(public: Any) -> str:
    """Return the SHA-256 of a public key's DER form (SubjectPublicKeyInfo), in hex."""
    from cryptography.hazmat.primitives import serialization

    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(public.public_bytes(serialization.Encoding.DER, spki)).hexdigest()


def _signature(key: EllipticCurvePrivateKey | Ed25519PrivateKey, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hash_of(key.curve.key_size)))
    return key.sign(data)


def hash_of(key_size: int) -> Any:
    """Return the hash that goes with a curve: SHA-256 for 256 bits, then 384 and 512."""
    from cryptography.hazmat.primitives import hashes

    return (
        hashes.SHA256()
        if key_size <= 256
        else hashes.SHA384()
        if key_size <= 384
        else hashes.SHA512()
    )
