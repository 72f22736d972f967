"""Kubernetes with nothing installed in it: a Deployment and a Service of our own server."""

from __future__ import annotations

from collections.abc import Mapping

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.specs.environments import ComposeTarget, KServeTarget, KubernetesTarget
from mlgitops.target import packaged


class Kubernetes:
    """See ``Target``. Templates may use ``image``, ``namespace`` and ``replicas``."""

    def templates(self) -> Mapping[str, str]:
        """See ``Target.templates``."""
        return packaged("kubernetes")

    def values(
        self, spec: ComposeTarget | KubernetesTarget | KServeTarget, model: str
    ) -> Mapping[str, JSON]:
        """See ``Target.values``. A Service's name is a host name and starts with a letter."""
        assert isinstance(spec, KubernetesTarget)
        if not model[0].isalpha():
            raise SpecError(
                f"a Kubernetes service cannot be called {model!r}",
                hint="the model's name has to start with a letter",
            )
        return {"image": spec.image, "namespace": spec.namespace, "replicas": spec.replicas}
