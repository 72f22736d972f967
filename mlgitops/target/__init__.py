"""Targets: kinds of places where a model runs, and the manifests that they are told by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mlgitops.core.digests import JSON


class Target(Protocol):
    """A kind of place. Templates are Jinja2, rendered in a sandbox with undefined names refused."""

    def templates(self) -> Mapping[str, str]:
        """Return the built-in templates: file name of the manifest to template text."""
        ...

    def values(self, spec: JSON) -> Mapping[str, JSON]:
        """Return what the templates may use of the environment's ``target``, checked."""
        ...
