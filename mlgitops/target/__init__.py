"""Targets: kinds of places where a model runs, and the manifests that they are told by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mlgitops.core.digests import JSON
from mlgitops.core.specs.environments import ComposeTarget, KServeTarget, KubernetesTarget


class Target(Protocol):
    """A kind of place. Templates are Jinja2, rendered in a sandbox (see ``core.templates``)."""

    def templates(self) -> Mapping[str, str]:
        """Return the built-in templates: file name of the manifest to template text."""
        ...

    def values(
        self, spec: ComposeTarget | KubernetesTarget | KServeTarget, model: str
    ) -> Mapping[str, JSON]:
        """Return what the templates may use of the environment's ``target``, by name.

        Raises SpecError when a model of this name cannot run in such a place.
        """
        ...


def packaged(kind: str) -> dict[str, str]:
    """Return the built-in templates of one kind of target: file name to text."""
    from importlib.resources import files

    folder = files("mlgitops.target").joinpath("templates", kind)
    found = (one for one in folder.iterdir() if one.name.endswith(".j2"))
    return {one.name.removesuffix(".j2"): one.read_text("utf-8") for one in found}
