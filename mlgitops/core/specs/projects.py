"""``mlgitops.yaml``: the project."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from mlgitops.core.specs.base import ApiVersion, Different, Name, RelativePath, Spec, matching

Branch = Annotated[
    str, matching(r"[A-Za-z0-9][\w./-]*", "the name of a branch", "write it as main")
]


class StoreSpec(Spec):
    """Where bytes are kept; ``path`` is relative to the repository."""

    path: RelativePath = ".mlgitops/store"


# What is recomputed for every pull request (``flow.checks``); their names never change.
CHECKS: Final = (
    "mlgitops/gates",
    "mlgitops/metrics",
    "mlgitops/policy",
    "mlgitops/previous-env",
    "mlgitops/render",
)


class BranchRules(Spec):
    """What the local forge asks before it merges into the default branch.

    ``approvals``: how many people other than the author; ``checks``: names that must have passed.
    """

    approvals: int = Field(default=0, ge=0, le=10)
    checks: Annotated[list[str], Different] = Field(default=list(CHECKS))


class ForgeSpec(Spec):
    """The forge that holds the pull requests."""

    type: Literal["local"] = "local"
    rules: BranchRules = BranchRules()


class Defaults(Spec):
    """Defaults of the project."""

    branch: Branch = "main"


class Project(Spec):
    """The root of a repository that mlgitops manages."""

    apiVersion: ApiVersion
    kind: Literal["Project"]
    name: Name
    store: StoreSpec = StoreSpec()
    forge: ForgeSpec = ForgeSpec()
    defaults: Defaults = Defaults()
    renderer: Literal[1] = 1
