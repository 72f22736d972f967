"""``signing`` in ``mlgitops.yaml``: how releases are signed, and whose signatures count."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from mlgitops.core.specs.base import RelativePath, Spec, Wrong, matching

Principal = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9.@_+-]{0,119}",
        "the name of a signer",
        "write it as release-bot or jane@example.org, without blanks",
    ),
]
Fingerprint = Annotated[
    str,
    matching(
        r"[0-9A-F]{40}([0-9A-F]{24})?",
        "the fingerprint of an OpenPGP key",
        "write the 40 digits that `gpg --fingerprint` shows, in capitals and without blanks",
    ),
]
Uri = Annotated[
    str, matching(r"https://[^\s]+", "an https address", "write it as https://github.com/…")
]


class TrustedSpec(Spec):
    """One signer that is believed: by exactly one of `key`, `identity` and `gpg`."""

    name: Principal = Field(description="What reports call this signer.")
    key: RelativePath | None = Field(
        default=None,
        description="The file of a public key in this repository: PEM (ECDSA or Ed25519), or a "
        "line of OpenSSH.",
    )
    identity: str | None = Field(
        default=None,
        min_length=1,
        description="A keyless identity, whole: the workflow with its ref, as in "
        "https://github.com/acme/flights/.github/workflows/release.yml@refs/heads/main.",
    )
    issuer: Uri | None = Field(
        default=None,
        description="Who vouches for `identity`: https://token.actions.githubusercontent.com for "
        "GitHub Actions.",
    )
    gpg: Fingerprint | None = Field(
        default=None, description="The fingerprint of an OpenPGP key, for signed tags."
    )

    WAYS: ClassVar[tuple[str, ...]] = ("key", "identity", "gpg")

    @model_validator(mode="after")
    def _one_way(self) -> TrustedSpec:
        given = [name for name in self.WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            raise Wrong(
                f"a signer is known by exactly one of key, identity and gpg; this one has "
                f"{' and '.join(given) or 'none'}",
                "write one entry for each" if given else "add 'key: keys/release.pub'",
                key=given[-1] if given else "name",
            )
        if (self.issuer is None) != (self.identity is None):
            has, lacks = ("issuer", "identity") if self.issuer else ("identity", "issuer")
            raise Wrong(f"{has!r} says nothing without {lacks!r}", f"add '{lacks}: …'", key=has)
        return self


class SigningSpec(Spec):
    """How releases are signed, and whose signatures count."""

    with_: Literal["key", "ssh", "keyless"] | None = Field(
        default=None,
        alias="with",
        description="What signs a release's provenance. `key`: the private key that the variable "
        "MLGITOPS_SIGNING_KEY holds or names. `ssh`: the key that git signs with "
        "(`user.signingkey`). `keyless`: the identity that a CI job has. Without it nothing is "
        "signed.",
    )
    tags: bool = Field(
        default=False,
        description="Whether git signs the tags of releases, with the key and in the format that "
        "it is set up for.",
    )
    trusted: list[TrustedSpec] = Field(
        default=[],
        description="Whose signatures count. A gate takes this list from the base of a pull "
        "request, never from its head.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> SigningSpec:
        seen: set[str] = set()
        for index, one in enumerate(self.trusted):
            if one.name in seen:
                raise Wrong(
                    f"{one.name!r} is listed twice",
                    "give each key a name of its own",
                    key=("trusted", index, "name"),
                )
            seen.add(one.name)
        return self
