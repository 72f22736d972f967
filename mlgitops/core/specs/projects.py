"""``mlgitops.yaml``: the project."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from mlgitops.core.specs.base import (
    ApiVersion,
    Different,
    Name,
    RelativePath,
    Spec,
    Wrong,
    matching,
)
from mlgitops.core.specs.signing import SigningSpec

Branch = Annotated[
    str, matching(r"[A-Za-z0-9][\w./-]*", "the name of a branch", "write it as main")
]
Remote = Annotated[
    str,
    matching(
        r"oci://[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+"
        r"|(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/[\w.=-]+)*/?"
        r"|file:///[^\s?#]+",
        "the place of a store",
        "write it as oci://ghcr.io/acme/flights, s3://bucket/folder, gs://bucket/folder, "
        "az://container/folder or file:///folder, without a password",
    ),
]
Repository = Annotated[
    str,
    matching(
        r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", "a repository of a forge", "write it as acme/flights"
    ),
]
Server = Annotated[
    str,
    matching(
        r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[\w.-]+)*/?",
        "the address of a forge",
        "write it as https://git.example.com, without a password",
    ),
]


class StoreSpec(Spec):
    """Where bytes are kept: the outputs of steps, models, predictions and reports, by digest."""

    path: RelativePath = Field(
        default=".mlgitops/store",
        description="The folder of the local store, relative to the repository. "
        "The environment variable MLGITOPS_STORE names another one.",
    )
    remote: Remote | None = Field(
        default=None,
        description="Where the bytes are shared: an OCI registry (`oci://host/path`), a bucket "
        "(`s3://`, `gs://` or `az://` with bucket and folder) or a folder (`file:///path`). "
        "Credentials come from the environment. Without it the local store is the only copy.",
    )
    previews: Remote | None = Field(
        default=None,
        description="Where runs share results that nobody vouches for, such as those of pull "
        "requests: `run` takes them, `release` never does.",
    )
    trust: Literal["nobody", "signed", "writers"] = Field(
        default="nobody",
        description="Whose results of steps a release may take from `remote`. `nobody`: it does "
        "again what was not done on its own machine. `signed`: those with a signature of "
        "`signing.trusted`. `writers`: all of them, since only jobs that are trusted can write "
        "there.",
    )

    @model_validator(mode="after")
    def _has_two_places(self) -> StoreSpec:
        if self.remote is None:
            for key in ("previews", "trust"):
                if key in self.model_fields_set:
                    raise Wrong(
                        f"{key!r} is about a store that is shared, and there is none",
                        "add 'remote: oci://…', or delete it",
                        key=key,
                    )
        elif self.remote == self.previews:
            raise Wrong(
                "'previews' is the same place as 'remote'",
                "give it a place that others may write to, such as one with '-previews' behind it",
                key="previews",
            )
        return self


# What is recomputed for every pull request (``flow.checks``); their names never change.
CHECKS: Final = (
    "mlgitops/gates",
    "mlgitops/metrics",
    "mlgitops/policy",
    "mlgitops/previous-env",
    "mlgitops/render",
)


class BranchRules(Spec):
    """What the local forge asks before it merges into the default branch."""

    approvals: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How many people other than the author must approve the head, 0 to 10. "
        "An environment can ask for more.",
    )
    checks: Annotated[list[str], Different] = Field(
        default=list(CHECKS),
        description="Names of the checks that must have passed on the head. By default all that "
        "mlgitops recomputes.",
    )


class ForgeSpec(Spec):
    """The forge that holds the pull requests."""

    type: Literal["local", "github", "gitlab", "gitea"] = Field(
        default="local",
        description="`local`: pull requests in the repository's own refs, without a server. "
        "`github`, `gitlab` and `gitea` (also Forgejo) name a server's kind.",
    )
    repository: Repository | None = Field(
        default=None,
        description="The repository on the forge, as `owner/name`; on GitLab also with subgroups. "
        "Required unless the forge is local.",
    )
    url: Server | None = Field(
        default=None,
        description="The address of the forge's server. By default https://github.com or "
        "https://gitlab.com; Gitea has no default.",
    )
    rules: BranchRules = Field(
        default=BranchRules.model_construct(),
        description="What the local forge asks before it merges. Other forges have branch rules "
        "of their own.",
    )

    @model_validator(mode="after")
    def _fits_its_type(self) -> ForgeSpec:
        if self.type == "local":
            for key in ("repository", "url"):
                if getattr(self, key) is not None:
                    raise Wrong(
                        f"{key!r} belongs to a forge on a server, not to the local one",
                        "write 'type: github', 'type: gitlab' or 'type: gitea', or delete it",
                        key=key,
                    )
            return self
        if "rules" in self.model_fields_set:
            raise Wrong(
                f"'rules' binds the local forge only, not {self.type}",
                f"delete it, and set branch rules on {self.type}",
                key="rules",
            )
        for key in ("repository", *(["url"] if self.type == "gitea" else [])):
            if getattr(self, key) is None:
                example = "acme/flights" if key == "repository" else "https://git.example.com"
                raise Wrong(
                    f"{key!r} is missing: {self.type} needs it",
                    f"add '{key}: {example}'",
                    key="type",
                    rule="missing-key",
                )
        if self.type != "gitlab" and self.repository and self.repository.count("/") != 1:
            raise Wrong(
                f"{self.repository!r} is not a repository on {self.type}",
                "write it as owner/name",
                key="repository",
            )
        return self


class Defaults(Spec):
    """Defaults of the project."""

    branch: Branch = Field(
        default="main",
        description="The shared branch: what it holds is what should run.",
    )


class Project(Spec):
    """The root of a repository that mlgitops manages: where its bytes and pull requests are."""

    apiVersion: ApiVersion
    kind: Literal["Project"] = Field(description="The kind of this document: `Project`.")
    name: Name = Field(description="The name of the project.")
    store: StoreSpec = Field(
        default=StoreSpec.model_construct(), description="Where bytes are kept."
    )
    forge: ForgeSpec = Field(
        default=ForgeSpec.model_construct(), description="Where pull requests are."
    )
    defaults: Defaults = Field(
        default=Defaults.model_construct(), description="Defaults of the project."
    )
    signing: SigningSpec = Field(
        default=SigningSpec.model_construct(),
        description="How releases are signed, and whose signatures count.",
    )
    renderer: Literal[1] = Field(
        default=1,
        description="The version of the built-in templates: an upgrade of mlgitops alone changes "
        "no manifest.",
    )
