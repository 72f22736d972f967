"""Docker Compose: one machine, the project's own server."""

from __future__ import annotations

from collections.abc import Mapping

from mlgitops.core.digests import JSON
from mlgitops.core.specs.environments import ComposeTarget, KServeTarget, KubernetesTarget
from mlgitops.target import packaged


class Compose:
    """See ``Target``. Templates may use ``image`` and ``port`` (of the host)."""

    def templates(self) -> Mapping[str, str]:
        """See ``Target.templates``."""
        return packaged("compose")

    def values(
        self, spec: ComposeTarget | KubernetesTarget | KServeTarget, model: str
    ) -> Mapping[str, JSON]:
        """See ``Target.values``."""
        del model  # every name of ours is a name to Compose
        assert isinstance(spec, ComposeTarget)
        return {"image": spec.image, "port": spec.port}
