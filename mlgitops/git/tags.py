"""Annotated tags: made without a ref, signed as git is set up to sign, and checked."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mlgitops.core.errors import Refused
from mlgitops.git.writing import Writing

# What a person sets in a repository to say who signs; a signed tag is made beside it.
_SIGNING: Final = (
    "gpg.format",
    "gpg.program",
    "gpg.openpgp.program",
    "gpg.ssh.program",
    "gpg.ssh.defaultKeyCommand",
    "gpg.x509.program",
    "user.signingKey",
)
Format = Literal["ssh", "gpg", "x509"]
_FORMATS: Final[tuple[tuple[str, Format], ...]] = (
    ("-----BEGIN SSH SIGNATURE-----", "ssh"),
    ("-----BEGIN PGP SIGNATURE-----", "gpg"),
    ("-----BEGIN SIGNED MESSAGE-----", "x509"),
)
_GOOD: Final = re.compile(r'^Good "git" signature for (\S+) with ', re.MULTILINE)
_VALID: Final = re.compile(r"^\[GNUPG:\] VALIDSIG (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSignature:
    """A tag's signature. ``signers``: names of allowed SSH signers, or OpenPGP fingerprints.

    They are empty unless the signature is good; ``said`` are the words of who checked it.
    """

    format: Format
    signers: tuple[str, ...]
    said: str


class Tags(Writing):
    """Tags that nobody sees before ``publish`` names them."""

    def tag_object(self, name: str, commit: str, message: str, *, signed: bool = False) -> str:
        """Write an annotated tag object without a ref; return its id (see ``publish``).

        ``signed``: by git, with the key and in the format that it is set up for; Refused with its
        words when it cannot.
        """
        if signed:
            return self._signed(name, commit, message)
        tagger = self.run("var", "GIT_COMMITTER_IDENT", env=self.identity()).strip()
        text = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n{message}"
        return self.run("mktag", stdin=text.encode()).strip()

    def _signed(self, name: str, commit: str, message: str) -> str:
        """Let git sign in a repository of its own that writes its objects into this one.

        The tag needs its right name, which is signed as well, and must have no ref here yet.
        """
        told: list[str] = []
        for key in _SIGNING:
            value = self.setting(key)
            if value is not None:
                told += ["-c", f"{key}={value}"]
        with tempfile.TemporaryDirectory() as place:
            self.run("init", "--quiet", "--bare", place)
            objects = str((self.common_dir / "objects").absolute())
            env = {**self.identity(), "GIT_DIR": place, "GIT_OBJECT_DIRECTORY": objects}
            words = ("tag", "--sign", "--cleanup=verbatim", "--file=-", name, commit)
            status, _, err = self._call((*told, *words), stdin=message.encode(), env=env)
            if status != 0:
                raise Refused(
                    f"git cannot sign {name}: {' '.join(err.split())}",
                    hint="`git config user.signingkey …` (and gpg.format ssh, or openpgp); or set"
                    " signing.tags to false in mlgitops.yaml",
                )
            return self.run("rev-parse", "--verify", f"refs/tags/{name}", env=env).strip()

    def setting(self, key: str) -> str | None:
        """Return what git is set to, None when it is not."""
        value = self.run("config", "--get", key, accept=(0, 1)).removesuffix("\n")
        return value or None

    def url(self) -> str | None:
        """Return where the remote is on the web or by ssh, without a password; None for a path."""
        if self.remote is None:
            return None
        given = self.setting(f"remote.{self.remote}.url") or ""
        found = re.fullmatch(r"(https?|ssh)://(?:[^@/]*@)?([^?#]+)", given)
        if found:
            return f"{found[1]}://{found[2]}"
        short = re.fullmatch(r"(?:[\w.-]+@)?([\w.-]+\.[\w.-]+):([^:\\]+)", given)
        return f"ssh://{short[1]}/{short[2]}" if short else None

    def tag_signature(self, tag_object: str, allowed: bytes) -> TagSignature | None:
        """Return the signature of a tag; None when it has none.

        ``allowed``: the SSH signers that are believed, as git's ``gpg.ssh.allowedSignersFile``.
        OpenPGP keys are looked for in the keyring of who runs this.
        """
        text = self.blob(tag_object).decode("utf-8", "replace")
        kind = next((name for mark, name in _FORMATS if f"\n{mark}\n" in text), None)
        if kind is None:
            return None
        with tempfile.TemporaryDirectory() as place:
            signers = Path(place, "signers")
            signers.write_bytes(allowed)
            told = f"gpg.ssh.allowedSignersFile={signers}"
            words = ("-c", told, "verify-tag", "--raw", tag_object)
            status, _, err = self._call(words)
        found: tuple[str, ...] = ()
        if status == 0 and kind == "ssh":
            found = tuple(_GOOD.findall(err))
        elif status == 0 and kind == "gpg":
            found = tuple(
                word for line in _VALID.findall(err) for word in (line.split()[0], line.split()[-1])
            )
        return TagSignature(format=kind, signers=found, said=" ".join(err.split()))
