"""Sign with an SSH key, as git does: ``ssh-keygen -Y``, so that an agent or a token can hold it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlgitops.core.attestations import (
    ENVELOPE,
    NAMESPACE,
    PAYLOAD_TYPE,
    Envelope,
    Signed,
    TrustedKey,
    Untrusted,
    pae,
    to_bytes,
)
from mlgitops.core.errors import Refused

BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----"
_PATIENCE: Final = 60.0  # seconds; somebody may have to touch a token
_SET_UP: Final = "git config gpg.format ssh; git config user.signingkey ~/.ssh/id_ed25519.pub"


class SshSigner:
    """One SSH key. ``key``: as git's ``user.signingkey`` has it; ``program``: ``ssh-keygen``."""

    envelope = ENVELOPE

    def __init__(self, key: str | None, program: str | None = None) -> None:
        self._key = key
        self._program = program or "ssh-keygen"

    def sign(self, statement: bytes) -> bytes:
        """See ``Signer.sign``: a DSSE envelope around an SSH signature; keyid as ssh shows it."""
        if not self._key:
            raise Refused(
                "signing.with is 'ssh', and git's user.signingkey is not set", hint=_SET_UP
            )
        with tempfile.TemporaryDirectory() as place:
            given = Path(place, "statement")
            given.write_bytes(pae(PAYLOAD_TYPE, statement))
            key, agent = self._file(Path(place))
            words = ["-Y", "sign", "-q", "-n", NAMESPACE, *agent, "-f", str(key), str(given)]
            status, said = _call([self._program, *words])
            if status != 0:
                raise Refused(
                    f"{self._program} cannot sign with {self._key[:60]}: {said}",
                    hint=f"is the key in your agent, or without a passphrase? {_SET_UP}",
                )
            sig = Path(place, "statement.sig").read_bytes()
        signed = Signed(keyid=fingerprint(sig), sig=sig)
        return to_bytes(Envelope(payload=statement, signatures=(signed,)))

    def sign_files(self, folder: Path) -> bytes | None:
        """See ``Signer.sign_files``: that format has no SSH signatures."""
        del folder
        return None

    def _file(self, place: Path) -> tuple[Path, list[str]]:
        """Return the key as a file; a key that is given itself is held by the agent."""
        assert self._key is not None
        literal = self._key.removeprefix("key::")
        if literal != self._key or literal.startswith(("ssh-", "ecdsa-", "sk-")):
            path = place / "key.pub"
            path.write_text(literal + "\n", encoding="utf-8")
            return path, ["-U"]
        return Path(self._key).expanduser(), []


def fingerprint(sig: bytes) -> str:
    """Return ``SHA256:…`` of the key in an SSH signature; Untrusted when it is none."""
    lines = sig.strip().splitlines()
    try:
        raw = base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise Untrusted(f"its SSH signature is no base64: {error}") from error
    size = int.from_bytes(raw[10:14], "big")
    if raw[:6] != b"SSHSIG" or len(raw) < 14 + size:
        raise Untrusted("it carries no SSH signature")
    return shown(raw[14 : 14 + size])


def shown(key: bytes) -> str:
    """Return the fingerprint of a public key's blob, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def allowed(trusted: Sequence[TrustedKey], namespace: str) -> bytes:
    """Return the file of allowed signers with the SSH keys among ``trusted``."""
    lines = []
    for one in trusted:
        if one.is_ssh:
            words = one.key.split()
            lines.append(
                b'%b namespaces="%b" %b'
                % (one.name.encode(), namespace.encode(), b" ".join(words[:2]))
            )
    return b"".join(line + b"\n" for line in lines)


def check(sig: bytes, data: bytes, trusted: Sequence[TrustedKey]) -> str:
    """Return the name of who signed ``data``; Untrusted when nobody among ``trusted`` did."""
    with tempfile.TemporaryDirectory() as place:
        signers, given = Path(place, "signers"), Path(place, "sig")
        signers.write_bytes(allowed(trusted, NAMESPACE))
        given.write_bytes(sig)
        words = ["-Y", "find-principals", "-s", str(given), "-f", str(signers)]
        status, said = _call(["ssh-keygen", *words])
        if status != 0:
            raise Untrusted(f"signed by the SSH key {fingerprint(sig)}, which nobody trusted has")
        name = said.splitlines()[0].strip()
        words = ["-Y", "verify", "-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", str(given)]
        status, said = _call(["ssh-keygen", *words], data)
        if status != 0:
            raise Untrusted(f"the signature of {name} does not fit what it stands under: {said}")
    return name


def _call(words: Sequence[str], data: bytes = b"") -> tuple[int, str]:
    try:
        done = subprocess.run(
            words, input=data, capture_output=True, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError as error:
        raise Refused(
            f"{words[0]} is not installed, or not on the PATH", hint="it comes with OpenSSH 8.1+"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Refused(f"{words[0]} did not answer for {_PATIENCE:.0f} s") from error
    out = done.stdout.decode("utf-8", "replace").strip()
    return done.returncode, out or done.stderr.decode("utf-8", "replace").strip()
