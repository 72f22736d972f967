"""``environments/<env>/``: the environment that people write; pins and holds that the tool does."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from mlgitops.core.specs.base import ApiVersion, Different, Name, Spec, matching
from mlgitops.core.specs.models import Gate

REASON_MAX: Final = 500

_NUMBER = r"(0|[1-9][0-9]{0,8})"
Version = Annotated[
    str, matching(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}", "a version", "write it as 1.4.0")
]
DigestText = Annotated[
    str, matching(r"sha256:[0-9a-f]{64}", "a digest", "write it as sha256:<64 hex digits>")
]
Image = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9._:/@-]*",
        "the name of an image",
        "write it as ghcr.io/acme/serving:1.2",
    ),
]
Registry = Annotated[
    str,
    matching(
        r"oci://[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*",
        "a registry",
        "write it as oci://registry.example.com/models",
    ),
]


class ComposeTarget(Spec):
    """A Docker Compose file for one machine."""

    type: Literal["compose"]
    image: Image
    port: int = Field(default=8080, ge=1, le=65535)


class KubernetesTarget(Spec):
    """A plain Deployment and Service."""

    type: Literal["kubernetes"]
    namespace: Name
    image: Image
    replicas: int = Field(default=1, ge=1, le=1000)


class KServeTarget(Spec):
    """A KServe InferenceService; ``registry`` is where the platform pulls models from."""

    type: Literal["kserve"]
    namespace: Name
    registry: Registry


TargetSpec = Annotated[ComposeTarget | KubernetesTarget | KServeTarget, Field(discriminator="type")]


class Approvals(Spec):
    """How many people other than the author have to approve a promotion; of a rollback likewise."""

    count: int = Field(default=0, ge=0, le=10)
    rollback: int = Field(default=0, ge=0, le=10)


class Promotion(Spec):
    """What the tool does by itself: ``auto`` lets ``promote --all`` open the pull request."""

    auto: bool = False
    merge: Literal["person", "auto"] = "person"
    supersede: Literal["queue", "replace"] = "queue"


class Environment(Spec):
    """A place where models run, after which others, and what it asks of a model."""

    apiVersion: ApiVersion
    kind: Literal["Environment"]
    name: Name
    after: Annotated[list[Name], Different] = Field(default=[])
    require: Literal["all", "any"] = "all"
    target: TargetSpec
    gates: list[Gate] = Field(default=[])
    approvals: Approvals = Approvals()
    promotion: Promotion = Promotion()


class Pin(Spec):
    """``pins/<model>.yaml``: the version that an environment runs. Written by pull request only."""

    apiVersion: ApiVersion
    kind: Literal["Pin"]
    model: Name
    version: Version
    digest: DigestText


class Hold(Spec):
    """``holds/<model>.yaml``: no promotion of this model here until somebody lifts it."""

    apiVersion: ApiVersion
    kind: Literal["Hold"]
    model: Name
    reason: str = Field(min_length=1, max_length=REASON_MAX)
    by: str


class Snapshot(Spec):
    """``pipelines/<name>/snapshots/<source>.yaml``: what a source brought in.

    ``digest`` is of the bytes, ``content`` of the rows (the same whatever wrote the file).
    """

    apiVersion: ApiVersion
    kind: Literal["Snapshot"]
    source: Name
    as_of: str
    rows: int = Field(ge=0)
    digest: DigestText
    content: DigestText | None = None
