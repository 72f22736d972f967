"""Whose signature is it? Offline, by the keys and identities that the repository trusts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_never

from mlgitops.core.attestations import (
    BUNDLE,
    ENVELOPE,
    PAYLOAD_TYPE,
    Envelope,
    Signed,
    Trusted,
    TrustedGpg,
    TrustedIdentity,
    TrustedKey,
    Untrusted,
    from_bytes,
    pae,
)
from mlgitops.core.errors import MlgitopsError
from mlgitops.signing import ssh
from mlgitops.signing.keys import hash_of, keyid
from mlgitops.signing.libraries import library


def payload(name: str, data: bytes) -> bytes:
    """Return the statement in an attestation, without asking who signed; MlgitopsError for none."""
    if name == ENVELOPE:
        return _typed(from_bytes(data))
    if name == BUNDLE:
        return _typed(_inner(data))
    return data


def _typed(envelope: Envelope) -> bytes:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise MlgitopsError(f"holds {envelope.payload_type!r} where {PAYLOAD_TYPE!r} is expected")
    return envelope.payload


def _inner(data: bytes) -> Envelope:
    import json

    from mlgitops.core.digests import canonical

    try:
        return from_bytes(canonical(json.loads(data)["dsseEnvelope"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MlgitopsError(f"is no Sigstore bundle of a statement: {error!r}") from error


def signer(name: str, data: bytes, trusted: Sequence[Trusted]) -> str:
    """Return the name of the trusted one who signed the attestation ``name``.

    Raises Untrusted when the signature is wrong, or of somebody else: names who was found.
    """
    if name == BUNDLE:
        return _by_identity(data, trusted)
    envelope = from_bytes(data)
    keys = [one for one in trusted if isinstance(one, TrustedKey)]
    signed = pae(envelope.payload_type, envelope.payload)
    reasons: list[str] = []
    for one in envelope.signatures:
        try:
            return _by_key(one, signed, keys)
        except Untrusted as error:
            reasons.append(error.message)
    raise Untrusted("; ".join(reasons) or "it carries no signature")


def _by_key(one: Signed, signed: bytes, keys: Sequence[TrustedKey]) -> str:
    if one.sig.startswith(ssh.BEGIN):
        return ssh.check(one.sig, signed, keys)
    for trusted in keys:
        if not trusted.is_ssh:
            public = _public(trusted)
            if _fits(public, one.sig, signed):
                return trusted.name
            if keyid(public) == one.keyid:
                raise Untrusted(
                    f"the signature of {trusted.name} does not fit what it stands under"
                )
    raise Untrusted(f"signed by the key {one.keyid[:16]}…, which nobody trusted has")


def _public(trusted: TrustedKey) -> Any:
    library("cryptography")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    try:
        public = serialization.load_pem_public_key(trusted.key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MlgitopsError(f"the public key of {trusted.name} cannot be read: {error}") from error
    if not isinstance(public, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise MlgitopsError(f"the public key of {trusted.name} is neither ECDSA nor Ed25519")
    return public


def _fits(public: Any, sig: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(sig, data, ec.ECDSA(hash_of(public.curve.key_size)))
        else:
            public.verify(sig, data)
    except InvalidSignature:
        return False
    return True


def _by_identity(data: bytes, trusted: Sequence[Trusted]) -> str:
    library("sigstore")
    from sigstore.errors import Error
    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    identities = [one for one in trusted if isinstance(one, TrustedIdentity)]
    try:
        bundle = Bundle.from_json(data)
        verifier = Verifier.production(offline=True)
    except (Error, ValueError) as error:
        raise Untrusted(f"is no Sigstore bundle that can be read: {error}") from error
    reasons = ["no identity is trusted"] if not identities else []
    for one in identities:
        try:
            verifier.verify_dsse(bundle, Identity(identity=one.identity, issuer=one.issuer))
        except (Error, ValueError) as error:
            reasons.append(f"not {one.name}: {error}")
        else:
            return one.name
    raise Untrusted("; ".join(reasons))


def files_signer(bundle: bytes, folder: Path, trusted: Sequence[Trusted]) -> str:
    """Return who signed the files of ``folder`` in the OpenSSF model-signing format.

    Raises Untrusted when a file differs, is missing or is one too many, or nobody trusted signed.
    """
    verifying = library("model_signing.verifying")
    reasons: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        given = Path(place, "signature")
        given.write_bytes(bundle)
        for one in trusted:
            config = _verifier(verifying, one, Path(place))
            if config is None:
                continue
            try:
                config.verify(folder, given)
            except Exception as error:
                reasons.append(f"not {one.name}: {' '.join(str(error).split())[:300]}")
            else:
                return one.name
    raise Untrusted("; ".join(reasons) or "no key is trusted that can sign files")


def _verifier(verifying: Any, one: Trusted, place: Path) -> Any:
    config = verifying.Config()
    match one:
        case TrustedKey():
            if one.is_ssh or b"PUBLIC KEY" not in one.key:
                return None
            path = place / "key.pub"
            path.write_bytes(one.key)
            from cryptography.hazmat.primitives.asymmetric import ec

            if not isinstance(_public(one), ec.EllipticCurvePublicKey):
                return None
            return config.use_elliptic_key_verifier(public_key=path)
        case TrustedIdentity():
            return config.use_sigstore_verifier(identity=one.identity, oidc_issuer=one.issuer)
        case TrustedGpg():
            return None
        case _:
            assert_never(one)
