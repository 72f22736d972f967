"""Keys of every kind that is promised, and what people give by mistake."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlgitops.core.attestations import ENVELOPE, TrustedKey, Untrusted, from_bytes, to_bytes
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.signing.checks import files_signer, signer
from mlgitops.signing.keys import KeySigner
from mlgitops.signing.ssh import SshSigner

pytest.importorskip("cryptography")

STATEMENT = b'{"_type":"https://in-toto.io/Statement/v1"}'


def openssl(*words: str | Path) -> bytes:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, check=True)
    return done.stdout


def key(root: Path, *words: str, name: str = "key.pem") -> tuple[str, TrustedKey]:
    path = root / name
    openssl(*words, "-out", path)
    public = openssl("pkey", "-in", path, "-pubout")
    return path.read_text(), TrustedKey(name="bot", key=public)


CURVES = {
    name: ("ecparam", "-name", name, "-genkey", "-noout")
    for name in ("prime256v1", "secp384r1", "secp521r1")
}


@pytest.mark.parametrize(
    "words", [*CURVES.values(), ("genpkey", "-algorithm", "ed25519")], ids=lambda words: words[2]
)
def test_each_kind_of_key_signs_and_another_of_its_kind_does_not_fit(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    given, trusted = key(tmp_path, *words)
    _, other = key(tmp_path, *words, name="other.pem")
    signed = KeySigner(given, None).sign(STATEMENT)
    assert signer(ENVELOPE, signed, [other, trusted]) == "bot"
    with pytest.raises(Untrusted, match=r"^signed by the key [0-9a-f]{16}…, which nobody trusted"):
        signer(ENVELOPE, signed, [other])
    envelope = from_bytes(signed)
    forged = to_bytes(type(envelope)(payload=STATEMENT + b" ", signatures=envelope.signatures))
    with pytest.raises(Untrusted, match="the signature of bot does not fit"):
        signer(ENVELOPE, forged, [trusted])


@pytest.mark.parametrize("curve", CURVES.values(), ids=lambda words: words[2])
def test_files_that_a_key_signed_are_known_and_one_more_file_is_not(
    tmp_path: Path, curve: tuple[str, ...]
) -> None:
    pytest.importorskip("model_signing")
    given, trusted = key(tmp_path, *curve)
    folder = tmp_path / "release"
    (folder / "card").mkdir(parents=True)
    (folder / "card/roc.svg").write_text("<svg/>")
    (folder / "model.onnx").write_bytes(b"\0" * 100)
    bundle = KeySigner(given, None).sign_files(folder)
    assert bundle is not None and files_signer(bundle, folder, [trusted]) == "bot"
    (folder / "more").write_text("")
    with pytest.raises(Untrusted, match=r"^not bot: "):
        files_signer(bundle, folder, [trusted])


def test_a_key_with_a_password_is_read_from_its_file(tmp_path: Path) -> None:
    given, trusted = key(tmp_path, *CURVES["prime256v1"])
    path = tmp_path / "locked.pem"
    words = ("pkcs8", "-topk8", "-in", tmp_path / "key.pem", "-passout", "pass:open")
    openssl(*words, "-out", path)
    assert signer(ENVELOPE, KeySigner(str(path), "open").sign(STATEMENT), [trusted]) == "bot"
    for password in (None, "shut"):
        with pytest.raises(Refused, match="is no private key that can be read") as caught:
            KeySigner(str(path), password).sign(STATEMENT)
        assert "MLGITOPS_SIGNING_PASSWORD" in str(caught.value.hint)
    assert "open" not in repr(KeySigner(given, "open"))


def test_what_is_no_such_key_says_what_it_is(tmp_path: Path) -> None:
    rsa = ("genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048")
    given, _ = key(tmp_path, *rsa)
    for wrong, told in (
        (given, "is an RSAPrivateKey"),
        (str(tmp_path / "nowhere.pem"), "names a file that cannot be read: No such file"),
        (str(tmp_path), "names a file that cannot be read: Is a directory"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "is no private key"),
        (None, "is not set"),
        ("", "is not set"),
    ):
        with pytest.raises(Refused, match=told):
            KeySigner(wrong, None).sign(STATEMENT)
    good, _ = key(tmp_path, *CURVES["prime256v1"])
    signed = KeySigner(good, None).sign(STATEMENT)
    with pytest.raises(MlgitopsError, match="the public key of bot cannot be read"):
        signer(ENVELOPE, signed, [TrustedKey(name="bot", key=good.encode())])


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_an_ssh_key_signs_by_its_file_and_by_what_an_agent_holds(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "id"
    words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "jane", "-f", str(path)]
    subprocess.run(words, check=True)
    public = path.with_suffix(".pub").read_text()
    trusted = TrustedKey(name="jane@example.org", key=public.encode())
    other = TrustedKey(name="eve", key=b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + b"A" * 43)
    signed = SshSigner(str(path)).sign(STATEMENT)
    assert signer(ENVELOPE, signed, [other, trusted]) == "jane@example.org"
    with pytest.raises(Untrusted, match=r"^signed by the SSH key SHA256:\S{43}, which nobody"):
        signer(ENVELOPE, signed, [other])
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(Refused, match=r"cannot sign with key::(ssh|ecdsa)"):
        SshSigner(f"key::{public.strip()}").sign(STATEMENT)
    with pytest.raises(Refused, match="cannot sign with"):
        SshSigner(str(tmp_path / "nothing")).sign(STATEMENT)
    with pytest.raises(Refused, match="is not installed"):
        SshSigner(str(path), str(tmp_path / "no-ssh-keygen")).sign(STATEMENT)
