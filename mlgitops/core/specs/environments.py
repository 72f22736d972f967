"""``environments/<env>/``: the environment that people write; pins and holds that the tool does."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from mlgitops.core.specs.base import (
    ApiVersion,
    Different,
    Duration,
    Name,
    Spec,
    Wrong,
    matching,
    seconds,
)
from mlgitops.core.specs.crons import CronLine
from mlgitops.core.specs.gates import Gate

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
Team = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)*",
        "a team",
        "write it as risk-owners or acme/risk-owners, without '@'",
    ),
]
TimeZone = Annotated[
    str,
    matching(
        r"UTC|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2}",
        "a time zone",
        "write it as Europe/Berlin or UTC",
    ),
]


class ComposeTarget(Spec):
    """A Docker Compose file for one machine."""

    type: Literal["compose"] = Field(description="A Docker Compose file for one machine.")
    image: Image = Field(description="The image that serves, such as `ghcr.io/acme/serving:1.2`.")
    port: int = Field(
        default=8080, ge=1, le=65535, description="The port on the machine, bound to 127.0.0.1."
    )


class KubernetesTarget(Spec):
    """A plain Deployment and Service."""

    type: Literal["kubernetes"] = Field(description="A plain Deployment and Service.")
    namespace: Name = Field(description="The namespace that it runs in.")
    image: Image = Field(description="The image that serves, such as `ghcr.io/acme/serving:1.2`.")
    replicas: int = Field(default=1, ge=1, le=1000, description="How many pods, 1 to 1000.")


class KServeTarget(Spec):
    """A KServe InferenceService."""

    type: Literal["kserve"] = Field(description="A KServe InferenceService.")
    namespace: Name = Field(description="The namespace that it runs in.")
    registry: Registry = Field(
        description="Where the platform pulls models from: `oci://host/path`."
    )


TargetSpec = Annotated[ComposeTarget | KubernetesTarget | KServeTarget, Field(discriminator="type")]


class Approvals(Spec):
    """Who has to approve, besides the author."""

    count: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How many people other than the author must approve the head of a promotion, "
        "0 to 10.",
    )
    teams: Annotated[list[Team], Different] = Field(
        default=[],
        description="Teams of the forge; of each, at least one person must have approved.",
    )
    rollback: int = Field(
        default=0, ge=0, le=10, description="As `count`, for a rollback; 0 to 10."
    )


class Window(Spec):
    """A time that begins when a cron line fires and ends after a duration."""

    cron: CronLine = Field(
        description="When it begins: a cron line of five fields, in the time zone of the windows, "
        "such as `0 16 * * FRI`."
    )
    duration: Duration = Field(description="How long it lasts, such as 64h. Its end is not in it.")
    reason: str | None = Field(
        default=None, max_length=REASON_MAX, description="Why, as those who wait will read."
    )

    @model_validator(mode="after")
    def _lasts(self) -> Window:
        if seconds(self.duration) == 0:
            raise Wrong("a window of no length", "say how long it lasts, as in 64h", key="duration")
        return self


class Windows(Spec):
    """When something may change here. What is denied stays denied, whatever is allowed."""

    timezone: TimeZone = Field(
        default="UTC", description="The time zone of the cron lines, such as `Europe/Berlin`."
    )
    deny: list[Window] = Field(default=[], description="Times in which nothing is promoted.")
    allow: list[Window] = Field(
        default=[],
        description="The only times in which something is promoted. Without it, always.",
    )
    rollback: Literal["allow", "deny"] = Field(
        default="allow",
        description="Whether a rollback may happen at any time (`allow`), or in open windows only "
        "(`deny`).",
    )

    @model_validator(mode="after")
    def _says_when(self) -> Windows:
        if not self.deny and not self.allow:
            raise Wrong(
                "the windows say neither what to deny nor what to allow",
                "add 'deny: [{cron: \"0 16 * * FRI\", duration: 64h}]', or delete them",
            )
        return self


class Promotion(Spec):
    """What the tool does by itself."""

    auto: bool = Field(
        default=False,
        description="Whether `mlgitops promote --all` opens pull requests for this environment.",
    )
    merge: Literal["person", "auto"] = Field(
        default="person",
        description="Who merges: a person, or the tool once gates and approvals are there "
        "(`auto`).",
    )
    supersede: Literal["queue", "replace"] = Field(
        default="queue",
        description="What a newer release does while a pull request is open: `queue` waits for it "
        "once it is approved, `replace` replaces it always.",
    )


class Environment(Spec):
    """A place where models run, after which others, and what it asks of a model."""

    apiVersion: ApiVersion
    kind: Literal["Environment"] = Field(description="The kind of this document: `Environment`.")
    name: Name = Field(description="The name of the environment, which is that of its folder.")
    description: str | None = Field(default=None, description="What it is for, for readers.")
    owners: list[str] = Field(
        default=[], description="People or teams to ask, such as `@acme/ml`, for readers."
    )
    after: Annotated[list[Name], Different] = Field(
        default=[], description="Environments that a release must run in before it comes here."
    )
    require: Literal["all", "any"] = Field(
        default="all", description="In how many of `after`: `all` or `any`."
    )
    target: TargetSpec = Field(description="The platform that its models run on.")
    gates: list[Gate] = Field(
        default=[], description="What is asked of a release before it comes here."
    )
    approvals: Approvals = Field(
        default=Approvals.model_construct(), description="Who has to approve, besides the author."
    )
    windows: Windows | None = Field(
        default=None, description="When something may change here. Without it, always."
    )
    promotion: Promotion = Field(
        default=Promotion.model_construct(), description="What the tool does by itself."
    )


class Pin(Spec):
    """``pins/<model>.yaml``: the version that an environment runs. Written by pull request only."""

    apiVersion: ApiVersion
    kind: Literal["Pin"] = Field(description="The kind of this document: `Pin`.")
    model: Name = Field(description="The model, which is the name of the file.")
    version: Version = Field(description="The version of the release, such as 1.4.0.")
    digest: DigestText = Field(description="The digest of the release's manifest.")


class Hold(Spec):
    """``holds/<model>.yaml``: no promotion of this model here until somebody lifts it."""

    apiVersion: ApiVersion
    kind: Literal["Hold"] = Field(description="The kind of this document: `Hold`.")
    model: Name = Field(description="The model, which is the name of the file.")
    reason: str = Field(min_length=1, max_length=REASON_MAX, description="Why it is held.")
    by: str = Field(description="Who holds it.")


class Snapshot(Spec):
    """``pipelines/<name>/snapshots/<source>.yaml``: what a source brought in."""

    apiVersion: ApiVersion
    kind: Literal["Snapshot"] = Field(description="The kind of this document: `Snapshot`.")
    source: Name = Field(description="The step that brought the rows in.")
    as_of: str = Field(description="Until when the rows were known, in UTC.")
    rows: int = Field(ge=0, description="How many rows there are.")
    digest: DigestText = Field(description="The digest of the bytes.")
    content: DigestText | None = Field(
        default=None,
        description="The digest of the rows, which is the same whatever wrote the file.",
    )
