"""Flags, environment and ``mlgitops.yaml`` → ``Settings``; read once, at the door."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mlgitops.core.errors import Refused, SpecError
from mlgitops.core.sources import MAX_BYTES, Mark, parse
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.projects import Project
from mlgitops.files import WorkTree
from mlgitops.git import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``root``: the work tree. ``ci``: nobody is there to answer, and nothing may be made up.

    ``ci_page``: where people see the job that this is, None when this is none.
    ``prepared``: steps may be forked from a process that has imported their libraries.
    ``workflow``: the address of the workflow that runs, with its ref, None when none says so.
    ``remote``: where bytes are shared, instead of where the project says.
    ``signing_key``: a private key, or the path of one.
    """

    repository: Repository
    root: Path
    project: Located[Project]
    store: Path
    ci: bool
    prepared: bool
    ci_page: str | None = None
    workflow: str | None = None
    remote: str | None = None
    signing_key: str | None = field(default=None, repr=False)
    signing_password: str | None = field(default=None, repr=False)


def read(directory: Path) -> Settings:
    """Return the settings of the repository that ``directory`` is in.

    ``MLGITOPS_STORE`` names a store shared by several clones (a CI cache, a network folder);
    ``MLGITOPS_REMOTE`` another remote than the project's (a mirror near by);
    ``MLGITOPS_PREPARED=0`` starts every step's process anew; ``MLGITOPS_SIGNING_KEY`` and
    ``MLGITOPS_SIGNING_PASSWORD`` are for `signing: {with: key}`.
    Raises GitError outside a repository, SpecError when ``mlgitops.yaml`` is missing or unreadable,
    Refused when it is wrong.
    """
    repository = Repository.open(directory)
    root = repository.root
    project = _project(root)
    # Work trees of one repository share its store, as they share its objects.
    home = repository.common_dir.parent if repository.common_dir.name == ".git" else root
    return Settings(
        repository=repository,
        root=root,
        project=project,
        store=shared_store() or home / project.spec.store.path,
        ci=os.environ.get("CI", "").lower() in ("1", "true"),
        prepared=os.environ.get("MLGITOPS_PREPARED") != "0",
        ci_page=_ci_page(),
        workflow=_workflow(),
        remote=os.environ.get("MLGITOPS_REMOTE") or None,
        signing_key=os.environ.get("MLGITOPS_SIGNING_KEY"),
        signing_password=os.environ.get("MLGITOPS_SIGNING_PASSWORD"),
    )


def _workflow() -> str | None:
    given = os.environ
    if given.get("GITHUB_SERVER_URL") and given.get("GITHUB_WORKFLOW_REF"):
        return f"{given['GITHUB_SERVER_URL']}/{given['GITHUB_WORKFLOW_REF']}"
    if given.get("CI_PROJECT_URL") and given.get("CI_COMMIT_REF_NAME"):
        return f"{given['CI_PROJECT_URL']}//.gitlab-ci.yml@{given['CI_COMMIT_REF_NAME']}"
    return None


def _ci_page() -> str | None:
    given = os.environ
    if all(given.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")):
        return (
            f"{given['GITHUB_SERVER_URL']}/{given['GITHUB_REPOSITORY']}"
            f"/actions/runs/{given['GITHUB_RUN_ID']}"
        )
    return given.get("CI_JOB_URL") or given.get("BUILD_URL") or None


def shared_store() -> Path | None:
    """Return the store that ``MLGITOPS_STORE`` names, or None."""
    shared = os.environ.get("MLGITOPS_STORE")
    return Path(shared).absolute() if shared else None


def _project(root: Path) -> Located[Project]:
    text = WorkTree(root).read("mlgitops.yaml", MAX_BYTES + 1)
    if text is None:
        raise SpecError(
            "there is no mlgitops.yaml",
            hint="`mlgitops init` makes one",
            at=Mark(path="mlgitops.yaml"),
        )
    documents = parse(text, "mlgitops.yaml")
    if not documents:
        raise SpecError("the file is empty", at=Mark(path="mlgitops.yaml"))
    found = read_spec(documents[0], Project)
    if isinstance(found, Located):
        return found
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise Refused(
        first.message + more,
        hint=first.hint or "`mlgitops validate` shows everything that is wrong",
        at=first.at,
    )
