"""Compile: write a pipeline for another engine."""

from __future__ import annotations

from mlgitops.core.argo import Place, workflow
from mlgitops.core.digests import JSON
from mlgitops.core.errors import Refused, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.unsupported import refuse
from mlgitops.core.workspaces import Workspace
from mlgitops.flow.seams import Seams


def compile_pipeline(
    seams: Seams,
    workspace: Workspace,
    pipeline: str,
    *,
    image: str,
    repository: str | None = None,
    revision: str | None = None,
) -> dict[str, JSON]:
    """Return the Argo Workflow of a pipeline (see ``core.argo``).

    ``repository`` and ``revision``: where pods find the code; by default the remote and HEAD.
    Raises UsageError for no such pipeline, Refused without a remote store or an address.
    """
    if pipeline not in workspace.pipelines:
        raise UsageError(
            f"there is no pipeline {pipeline!r}",
            hint=did_you_mean(pipeline, workspace.pipelines)
            or f"there are: {', '.join(workspace.pipelines) or 'none'}",
        )
    located = workspace.pipelines[pipeline]
    refuse(located, {step.name for step in located.spec.steps})
    if seams.remote is None:
        raise Refused(
            "pods share nothing but a remote store, and this project has none",
            hint="mlgitops.yaml: `store: {remote: oci://ghcr.io/owner/repository}`",
        )
    address = repository or seams.repository.url()
    if address is None:
        raise Refused(
            "where pods find the code is not known: the remote of this clone has no address",
            hint="--repository https://git.example.com/acme/flights.git",
        )
    commit = revision or seams.repository.resolve("HEAD")
    if commit is None:
        raise Refused("there is no commit yet", hint="commit and push what pods shall run")
    place = Place(image=image, repository=address, revision=commit)
    return workflow(located.spec, place)
