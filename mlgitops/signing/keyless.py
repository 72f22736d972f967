"""Sign with the identity that a CI job has: Sigstore's short-lived certificate, and its log."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mlgitops.core.attestations import BUNDLE
from mlgitops.core.errors import Refused, Unreachable
from mlgitops.signing.libraries import library


class KeylessSigner:
    """The identity of the job that runs; ``sigstore`` finds it out, and writes a public log."""

    envelope = BUNDLE

    def sign(self, statement: bytes) -> bytes:
        """See ``Signer.sign``: a Sigstore bundle around the DSSE envelope."""
        sigstore = library("sigstore")
        from sigstore.dsse import Statement
        from sigstore.errors import Error
        from sigstore.models import ClientTrustConfig
        from sigstore.sign import SigningContext

        del sigstore
        token = _token()
        try:
            context = SigningContext.from_trust_config(ClientTrustConfig.production())
            with context.signer(token) as signer:
                bundle = signer.sign_dsse(Statement(statement))
        except (Error, OSError) as error:
            raise Unreachable(
                f"Sigstore did not sign: {error}", hint="run it again; the release was not tagged"
            ) from error
        return bundle.to_json().encode()

    def sign_files(self, folder: Path) -> bytes | None:
        """See ``Signer.sign_files``."""
        signing = library("model_signing.signing")
        _token()
        with tempfile.TemporaryDirectory() as place:
            made = Path(place, "signature")
            signing.Config().use_sigstore_signer(use_ambient_credentials=True).sign(folder, made)
            return made.read_bytes()


def _token() -> Any:
    from sigstore.errors import Error
    from sigstore.oidc import IdentityError, IdentityToken, detect_credential

    try:
        found = detect_credential()
    except (Error, IdentityError) as error:
        raise Refused(f"the CI job shows no identity: {error}", hint=_HINT) from error
    if found is None:
        raise Refused(
            "signing.with is 'keyless', and this is no CI job with an identity", hint=_HINT
        )
    return IdentityToken(found)


_HINT = "in GitHub Actions give the job `permissions: {id-token: write}`; elsewhere sign with a key"
