"""Signed releases: tools that nobody here wrote verify them, and each altered word is found."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgitops import settings, wiring
from mlgitops.core.attestations import ENVELOPE, MODEL, TrustedKey, pae
from mlgitops.core.errors import Refused
from mlgitops.core.release_documents import message, to_json, written
from mlgitops.flow import provenance
from mlgitops.flow.releases import release
from tests.e2e.world import MODEL as YIELD
from tests.e2e.world import PIPELINE, PROD, PROJECT, World
from tests.support import commit, git

pytest.importorskip("cryptography")
pytest.importorskip("model_signing")

BOT = "release-bot"
TAG = f"{YIELD}@v1.3.0"


def call(*words: str | Path, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(word) for word in words], input=data, capture_output=True)


def signing(way: str | None, *, tags: bool = False, key: str = "keys/release.pub") -> str:
    how = f"with: {way}, " if way else ""
    return (
        f"{PROJECT}signing: {{{how}tags: {str(tags).lower()},"
        f" trusted: [{{name: {BOT}, key: {key}}}]}}\n"
    )


def release_signed(world: World, files: dict[str, str]) -> None:
    deeper = PIPELINE.replace("depth: 6", "depth: 5")
    commit(world.clone, {**files, "pipelines/yield/pipeline.yaml": deeper}, "Sign releases")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    assert world.call("release", YIELD) == 0


def pem(root: Path, kind: str) -> tuple[Path, str]:
    """A private key's file, and the public key."""
    path = root / "release.pem"
    words = {
        "p256": ("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
        "ed25519": ("genpkey", "-algorithm", "ed25519"),
    }[kind]
    assert call("openssl", *words, "-out", path).returncode == 0
    return path, call("openssl", "pkey", "-in", path, "-pubout").stdout.decode()


def ssh_key(root: Path) -> Path:
    path = root / "id_ed25519"
    made = call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", path)
    assert made.returncode == 0
    return path


@pytest.fixture
def signed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[World, str]]:
    """A release that a local key signed; the public key."""
    path, public = pem(tmp_path, "p256")
    monkeypatch.setenv("MLGITOPS_SIGNING_KEY", str(path))
    release_signed(world, {"mlgitops.yaml": signing("key"), "keys/release.pub": public})
    yield world, public


def verified(world: World, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    capsys.readouterr()
    code = world.call("verify", f"{YIELD}@1.3.0", "--json", *more)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert "findings" in told, told
    assert code == int(any(one["severity"] == "error" for one in told["findings"]))
    return told


def test_openssl_securesystemslib_intoto_and_model_signing_verify_what_a_key_signed(
    signed: tuple[World, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, public = signed
    out = tmp_path / "evidence"
    told = verified(world, capsys, "--output", str(out))
    assert (told["findings"], told["signer"]) == ([], BOT)
    assert told["builder"] == "urn:mlgitops:builder:person"
    raw = json.loads((out / "attestations" / ENVELOPE).read_bytes())
    payload = base64.b64decode(raw["payload"])
    # openssl
    (tmp_path / "pae").write_bytes(pae(raw["payloadType"], payload))
    (tmp_path / "sig").write_bytes(base64.b64decode(raw["signatures"][0]["sig"]))
    key = out / f"trusted/{BOT}.pem"
    words = ("dgst", "-sha256", "-verify", key, "-signature", tmp_path / "sig", tmp_path / "pae")
    assert call("openssl", *words).stdout == b"Verified OK\n"
    # securesystemslib
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer._key import SSlibKey

    keyid = raw["signatures"][0]["keyid"]
    trusted = SSlibKey.from_crypto(load_pem_public_key(public.encode()), keyid=keyid)
    assert list(Envelope.from_dict(raw).verify([trusted], 1)) == [keyid]
    # in-toto's own definition of a statement, and of SLSA's provenance in it
    import in_toto_attestation.predicates.provenance.v1.provenance_pb2 as slsa
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    found = json_format.Parse(payload.decode(), statement_pb2.Statement())
    Statement.copy_from_pb(found).validate()
    predicate = json_format.MessageToJson(found.predicate)
    built = json_format.Parse(predicate, slsa.Provenance())
    assert built.run_details.builder.id == "urn:mlgitops:builder:person"
    assert found.subject[0].name == TAG
    # OpenSSF model-signing, by its own command
    tool = Path(sys.executable).parent / "model_signing"
    bundle = out / "attestations" / MODEL
    check = (tool, "verify", "key", out / "files", "--signature", bundle, "--public_key", key)
    done = call(*check)
    assert done.returncode == 0, done.stderr
    card = out / "files/card.md"
    card.write_bytes(card.read_bytes() + b" ")
    assert call(*check).returncode != 0


def test_each_word_of_a_signed_document_and_each_attestation_is_found_when_altered(
    signed: tuple[World, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, public = signed
    seams = wiring.seams(settings.read(world.clone), say=lambda line: None)
    by = (TrustedKey(name=BOT, key=public.encode()),)
    whole = release(seams.repository, YIELD, "1.3.0")
    assert list(provenance.findings(seams, whole, by)) == []
    raw = git(world.clone, "cat-file", "-p", f"refs/tags/{TAG}")
    head, _, body = raw.partition("\n\n")
    document: Any = written(body)
    subject = body.partition("\n\n")[0]
    leaves = [*places(document)]
    assert len(leaves) > 60
    missed = []
    for path in leaves:
        if path[0] in ("apiVersion", "kind", "model", "version"):
            continue  # then it is no release of this name any more
        altered = changed(document, path)
        text = f"{head}\n\n{subject}\n\n{yaml.safe_dump(altered, sort_keys=False)}"
        (tmp_path / "forged").write_text(text, encoding="utf-8")
        new = git(world.clone, "hash-object", "-t", "tag", "-w", str(tmp_path / "forged"))
        git(world.clone, "update-ref", f"refs/tags/{TAG}", new)
        try:
            forged = release(seams.repository, YIELD, "1.3.0")
        except Refused:
            continue  # it cannot be read as a release any more
        if path[0] == "identity":
            # It is written for readers only: it follows from the files, and is not read back.
            assert message(forged.document) == message(whole.document)
            continue
        assert to_json(forged.document) != to_json(whole.document)
        told = [one for one in provenance.findings(seams, forged, by) if one.severity == "error"]
        if not told:
            missed.append(path)
    assert missed == []
    git(world.clone, "update-ref", f"refs/tags/{TAG}", whole.tag_object)
    # And a byte of the attestations themselves.
    for name, digest in whole.document.attestations.items():
        blob = world.store / "blobs/sha256" / digest.removeprefix("sha256:")
        original = blob.read_bytes()
        blob.chmod(0o644)
        middle = len(original) // 2
        blob.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
        messages = [one["message"] for one in verified(world, capsys)["findings"]]
        assert any(one.startswith(f"{name}: ") for one in messages), messages
        blob.write_bytes(original)
    assert verified(world, capsys)["findings"] == []


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from places(inner, (*path, key))
    else:
        yield path


def changed(document: Any, path: tuple[Any, ...]) -> Any:
    altered = json.loads(json.dumps(document))
    inner = altered
    for key in path[:-1]:
        inner = inner[key]
    old = inner[path[-1]]
    if isinstance(old, bool):
        new: Any = not old
    elif isinstance(old, int | float):
        new = old + 1
    elif isinstance(old, str) and old.startswith("sha256:"):
        new = old[:-1] + ("0" if old[-1] != "0" else "1")
    elif isinstance(old, str):
        new = "minor" if old == "patch" else old + "x"
    else:
        new = "sha256:" + "0" * 64 if path[-1] in ("lock", "code", "recipe") else "x"
        new = {"x": 1} if old == {} else [new] if old == [] else new
    inner[path[-1]] = new
    return altered


def test_a_signature_by_nobody_who_is_trusted_and_none_at_all_are_two_errors(
    signed: tuple[World, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, _ = signed
    (tmp_path / "other").mkdir()
    _, other = pem(tmp_path / "other", "p256")
    (world.clone / "keys/release.pub").write_text(other)
    messages = [one["message"] for one in verified(world, capsys)["findings"]]
    assert any(one.startswith(f"{ENVELOPE}: signed by the key ") for one in messages), messages
    git(world.clone, "checkout", "--quiet", "keys/release.pub")
    # The same release without its signature, which its commit asks for.
    seams = wiring.seams(settings.read(world.clone), say=lambda line: None)
    whole = release(seams.repository, YIELD, "1.3.0")
    from dataclasses import replace

    from mlgitops.flow.attest import attested

    bare = attested(replace(seams, signer=None), replace(whole.document, attestations={}))
    tag = seams.repository.tag_object(TAG, whole.commit, message(bare))
    git(world.clone, "update-ref", f"refs/tags/{TAG}", tag)
    messages = [one["message"] for one in verified(world, capsys, "--offline")["findings"]]
    assert messages == ["nobody signed it, and mlgitops.yaml at its commit asks for 'with: key'"]


def test_ssh_signs_provenance_and_tag_and_ssh_keygen_and_git_verify_them(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ssh_key(tmp_path)
    git(world.clone, "config", "gpg.format", "ssh")
    git(world.clone, "config", "user.signingkey", str(key))
    public = key.with_suffix(".pub").read_text()
    spec = signing("ssh", tags=True, key="keys/me.pub")
    release_signed(world, {"mlgitops.yaml": spec, "keys/me.pub": public})
    out = tmp_path / "evidence"
    told = verified(world, capsys, "--output", str(out))
    assert (told["findings"], told["signer"]) == ([], BOT)
    allowed = out / "trusted/allowed_signers"
    raw = json.loads((out / "attestations" / ENVELOPE).read_bytes())
    (tmp_path / "sig").write_bytes(base64.b64decode(raw["signatures"][0]["sig"]))
    signed = pae(raw["payloadType"], base64.b64decode(raw["payload"]))
    words = ("-Y", "verify", "-f", allowed, "-I", BOT, "-n", "mlgitops", "-s", tmp_path / "sig")
    assert call("ssh-keygen", *words, data=signed).returncode == 0
    assert call("ssh-keygen", *words, data=signed + b" ").returncode != 0
    # What the fingerprint says is the key's, as ssh shows it.
    assert raw["signatures"][0]["keyid"] in call("ssh-keygen", "-l", "-f", key).stdout.decode()
    git(world.clone, "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-tag", TAG)
    # One letter of the tag's subject: everything in it is as it was, and git's signature is not.
    text = git(world.clone, "cat-file", "-p", f"refs/tags/{TAG}")
    (tmp_path / "forged").write_text(text.replace("Cleo", "Cleu") + "\n")
    new = git(world.clone, "hash-object", "-t", "tag", "-w", str(tmp_path / "forged"))
    git(world.clone, "update-ref", f"refs/tags/{TAG}", new)
    (finding,) = verified(world, capsys, "--offline")["findings"]
    assert finding["message"].startswith("the tag's signature does not count: ")


def test_gpg_signs_a_tag_that_counts_by_its_fingerprint(
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if call("gpg", "--version").returncode != 0:
        pytest.skip("gpg is not installed")
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ("--batch", "--passphrase", "", "--quick-gen-key", "Jane <j@example.org>", "ed25519")
    made = call("gpg", *make)
    assert made.returncode == 0, made.stderr
    listed = call("gpg", "--list-keys", "--with-colons").stdout.decode()
    print_ = next(line for line in listed.splitlines() if line.startswith("fpr")).split(":")[9]
    git(world.clone, "config", "user.signingkey", print_)
    spec = f"{PROJECT}signing: {{tags: true, trusted: [{{name: jane, gpg: {print_}}}]}}\n"
    try:
        release_signed(world, {"mlgitops.yaml": spec})
        told = verified(world, capsys)
        assert (told["findings"], told["signer"]) == ([], None)
        other = spec.replace(print_, "A" * 40)
        (world.clone / "mlgitops.yaml").write_text(other)
        (finding,) = verified(world, capsys)["findings"]
        assert finding["message"].startswith("the tag's signature does not count: ")
    finally:
        call("gpgconf", "--kill", "gpg-agent")


def test_a_provenance_gate_lets_pass_what_a_trusted_one_signed_and_nothing_else(
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, public = pem(tmp_path, "ed25519")
    monkeypatch.setenv("MLGITOPS_SIGNING_KEY", path.read_text())
    dev = PROD.replace("name: prod\nafter: [dev]", "name: stage")
    gated = dev.partition("gates:")[0] + "gates:\n  - {provenance: required}\n"
    release_signed(
        world,
        {
            "mlgitops.yaml": signing("key"),
            "keys/release.pub": public,
            "environments/stage/environment.yaml": gated,
        },
    )
    capsys.readouterr()
    assert world.call("promote", YIELD, "--to", "stage", "--version", "1.1.0") != 0
    assert "nobody signed it" in "".join(capsys.readouterr())
    assert world.call("promote", YIELD, "--to", "stage", "--version", "1.3.0") == 0
    number = world.open_pull(f"mlgitops/promote/stage/{YIELD}")
    assert world.call("pulls", "show", str(number)) == 0
    assert f"signed by {BOT}, built by urn:mlgitops:builder:person" in capsys.readouterr().out
    # That format knows no Ed25519: then there is the statement alone.
    seams = wiring.seams(settings.read(world.clone), say=lambda line: None)
    assert MODEL not in release(seams.repository, YIELD, "1.3.0").document.attestations


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("key", "MLGITOPS_SIGNING_KEY is not set"),
        ("ssh", "user.signingkey is not set"),
        ("keyless", "this is no CI job with an identity"),
    ],
)
def test_without_a_key_nothing_is_released_and_the_way_out_is_named(
    world: World, capsys: pytest.CaptureFixture[str], way: str, words: str
) -> None:
    deeper = PIPELINE.replace("depth: 6", "depth: 5")
    spec = f"{PROJECT}signing: {{with: {way}}}\n"
    files = {"mlgitops.yaml": spec, "pipelines/yield/pipeline.yaml": deeper}
    commit(world.clone, files, "Sign releases")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    capsys.readouterr()
    assert world.call("release", YIELD) == 1
    assert words in capsys.readouterr().err
    assert TAG not in git(world.bare, "tag", "-l")
