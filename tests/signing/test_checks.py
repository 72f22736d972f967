"""Bundles that a real workflow signed, checked offline by who is trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlgitops.core.attestations import (
    BUNDLE,
    ENVELOPE,
    TrustedGpg,
    TrustedIdentity,
    TrustedKey,
    Untrusted,
)
from mlgitops.core.errors import MlgitopsError
from mlgitops.signing.checks import payload, signer

pytest.importorskip("sigstore")

BUNDLES = Path(__file__).parents[1] / "data/sigstore"
WORKFLOW = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"
CI = TrustedIdentity(name="ci", identity=WORKFLOW, issuer=ISSUER)


def bundle(name: str) -> bytes:
    return (BUNDLES / f"{name}.json").read_bytes()


def test_a_statement_that_a_workflow_signed_is_known_by_its_identity() -> None:
    data = bundle("happy-path-intoto-in-dsse-v3")
    assert signer(BUNDLE, data, [TrustedGpg(name="jane", fingerprint="A" * 40), CI]) == "ci"
    assert json.loads(payload(BUNDLE, data))["_type"] == "https://in-toto.io/Statement/v1"


@pytest.mark.parametrize(
    "trusted",
    [
        TrustedIdentity(name="x", identity=WORKFLOW.replace("main", "mine"), issuer=ISSUER),
        TrustedIdentity(name="x", identity=WORKFLOW, issuer="https://accounts.example.com"),
        TrustedIdentity(name="x", identity=WORKFLOW[:-1], issuer=ISSUER),
        TrustedKey(name="x", key=b"ssh-ed25519 AAAA"),
    ],
    ids=["another branch", "another issuer", "the beginning of it", "a key"],
)
def test_another_identity_is_not_believed(trusted: TrustedIdentity | TrustedKey) -> None:
    with pytest.raises(Untrusted):
        signer(BUNDLE, bundle("happy-path-intoto-in-dsse-v3"), [trusted])


@pytest.mark.parametrize(
    "name", ["dsse-invalid-sig_fail", "dsse-mismatch-envelope_fail", "dsse-mismatch-sig_fail"]
)
def test_a_bundle_whose_parts_do_not_fit_is_not_believed(name: str) -> None:
    with pytest.raises(Untrusted):
        signer(BUNDLE, bundle(name), [CI])


@pytest.mark.parametrize("name", [BUNDLE, ENVELOPE])
@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b'{"payload": "*", "payloadType": 1, "signatures": [1]}']
)
def test_what_is_no_attestation_is_said_to_be_none(name: str, data: bytes) -> None:
    with pytest.raises(MlgitopsError):
        payload(name, data)
    with pytest.raises(MlgitopsError):
        signer(name, data, [CI])
