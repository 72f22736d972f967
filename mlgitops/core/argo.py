"""A pipeline as a Workflow of Argo: one task a step, the remote store between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.graphs import step_needs
from mlgitops.core.specs.base import seconds, size_in_bytes
from mlgitops.core.specs.pipelines import Pipeline, Step
from mlgitops.core.specs.step_sources import variables

_SOURCE: Final = "/workspace/source"
_SCRATCH: Final = "/workspace/scratch"
_CREDENTIALS: Final = "/workspace/credentials"
# Fetching inputs, sharing outputs and starting a container, beside the step's own time.
_AROUND: Final = 900
# Pods that their node took along are started again; what a step fails by, it tries again itself.
_LOST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a workflow runs: the image with mlgitops and what steps import, and the code.

    ``repository``: its address; ``revision``: a commit, so that every pod sees the same one.
    """

    image: str
    repository: str
    revision: str


def workflow(pipeline: Pipeline, place: Place) -> dict[str, JSON]:
    """Return the Workflow (argoproj.io/v1alpha1) that runs ``pipeline``.

    Each task runs one step of the commit and shares its result; what the store knows already is
    not done again, so that a workflow which is started twice does its work once.
    """
    needs = step_needs(pipeline)
    tasks: list[JSON] = []
    templates: list[JSON] = []
    for name, steps in pipeline.by_name.items():
        before = dict.fromkeys(maker for maker in needs[name])
        task: dict[str, JSON] = {"name": name, "template": name}
        if before:
            task["dependencies"] = list(before)
        tasks.append(task)
        templates.append(_template(pipeline, name, tuple(steps), place))
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "generateName": f"{pipeline.name}-",
            "labels": {
                "app.kubernetes.io/managed-by": "mlgitops",
                "mlgitops/pipeline": pipeline.name,
            },
            "annotations": {"mlgitops/revision": place.revision},
        },
        "spec": {
            "entrypoint": "pipeline",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [
                {"name": "scratch", "emptyDir": {}},
                {
                    "name": "registry",
                    "secret": {
                        "secretName": "mlgitops-registry",
                        "optional": True,
                        "items": [{"key": ".dockerconfigjson", "path": "config.json"}],
                    },
                },
            ],
            "templates": [{"name": "pipeline", "dag": {"tasks": tasks}}, *templates],
        },
    }


def _template(pipeline: Pipeline, name: str, steps: tuple[Step, ...], place: Place) -> JSON:
    limit = max(seconds(step.timeout) * (step.retries + 1) for step in steps)
    return {
        "name": name,
        # Text: Argo takes numbers too, and its published schema does not.
        "activeDeadlineSeconds": str(int(limit) + _AROUND),
        "retryStrategy": {"limit": str(_LOST), "retryPolicy": "OnError"},
        "inputs": {
            "artifacts": [
                {
                    "name": "source",
                    "path": _SOURCE,
                    "git": {"repo": place.repository, "revision": place.revision},
                }
            ]
        },
        "container": {
            "image": place.image,
            "command": ["mlgitops"],
            "args": ["-C", _SOURCE, "run", pipeline.name, "--only", name, "--push", "--verbose"],
            "env": _environment(pipeline, steps),
            "envFrom": [{"secretRef": {"name": "mlgitops-store", "optional": True}}],
            "resources": _resources(steps),
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "scratch", "mountPath": _SCRATCH},
                {"name": "registry", "mountPath": _CREDENTIALS, "readOnly": True},
            ],
        },
    }


def _environment(pipeline: Pipeline, steps: tuple[Step, ...]) -> list[JSON]:
    fixed = {
        "CI": "true",
        "DOCKER_CONFIG": _CREDENTIALS,
        "HOME": _SCRATCH,
        "MLGITOPS_STORE": f"{_SCRATCH}/store",
    }
    secret = dict.fromkeys(name for step in steps for name in (*step.env, *variables(step.source)))
    found: list[JSON] = [{"name": name, "value": value} for name, value in fixed.items()]
    for name in secret:
        where: dict[str, JSON] = {"name": f"{pipeline.name}-env", "key": name}
        found.append({"name": name, "valueFrom": {"secretKeyRef": where}})
    return found


def _resources(steps: tuple[Step, ...]) -> JSON:
    cpu = max(step.resources.cpu or 1.0 for step in steps)
    memory = max(
        (size_in_bytes(step.resources.memory) for step in steps if step.resources.memory), default=0
    )
    gpus = max(step.resources.gpu for step in steps)
    asked: dict[str, JSON] = {"cpu": f"{round(cpu * 1000)}m"}
    limits: dict[str, JSON] = {}
    if memory:
        asked["memory"] = limits["memory"] = str(memory)
    if gpus:
        limits["nvidia.com/gpu"] = str(gpus)
    return {"requests": asked, **({"limits": limits} if limits else {})}
