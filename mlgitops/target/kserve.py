"""KServe: an InferenceService whose runtime pulls the model from a registry, by digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.specs.environments import ComposeTarget, KServeTarget, KubernetesTarget
from mlgitops.target import packaged

# KServe makes the host name <model>-predictor-<namespace>, one label of DNS.
_ROOM: Final = 63 - len("-predictor-")


class KServe:
    """See ``Target``. Templates may use ``namespace`` and ``registry``."""

    def templates(self) -> Mapping[str, str]:
        """See ``Target.templates``."""
        return packaged("kserve")

    def values(
        self, spec: ComposeTarget | KubernetesTarget | KServeTarget, model: str
    ) -> Mapping[str, JSON]:
        """See ``Target.values``. The name and the namespace share one label of a host name."""
        assert isinstance(spec, KServeTarget)
        if not model[0].isalpha():
            raise SpecError(
                f"a KServe service cannot be called {model!r}",
                hint="the model's name has to start with a letter",
            )
        if len(model) + len(spec.namespace) > _ROOM:
            raise SpecError(
                f"{model!r} and the namespace {spec.namespace!r} are too long together for KServe",
                hint=f"the two have room for {_ROOM} characters in a host name",
            )
        return {"namespace": spec.namespace, "registry": spec.registry}
