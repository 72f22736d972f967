"""``pipelines/<name>/model.yaml``: what a pipeline's artifact promises as a model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from mlgitops.core.signatures import Task
from mlgitops.core.specs.base import (
    ApiVersion,
    Artifact,
    Different,
    Duration,
    Function,
    Name,
    Size,
    Spec,
    Wrong,
)

Names = Annotated[list[str], Field(min_length=1), Different]
Confidence = Annotated[float, Field(gt=0.5, lt=1.0)]


class Evaluation(Spec):
    """Which rows the model is judged on, and how.

    ``data`` is a parquet output with one row an example; ``id`` names its unique row id.
    """

    data: Artifact
    target: str
    id: str
    metrics: Names
    slices: Annotated[list[str], Different] = Field(default=[])


class ParitySpec(Spec):
    """How far ONNX may be from the estimator: absolute, relative, and the share of other labels."""

    atol: float = Field(default=1e-4, ge=0)
    rtol: float = Field(default=0.0, ge=0)
    label_mismatch: float = Field(default=0.0, ge=0, le=1)


class Export(Spec):
    """How the model leaves the training framework."""

    format: Literal["onnx"] = "onnx"
    parity: ParitySpec = ParitySpec()


class Gate(Spec):
    """One condition of a promotion: exactly one of ``KINDS``.

    ``metric`` with ``min`` or ``max`` is absolute; with ``no_worse_than: live`` it is the paired
    comparison with what runs in the environment now, within ``margin`` at ``confidence``.
    """

    model: Name | None = None
    metric: str | None = None
    min: float | None = None
    max: float | None = None
    slices: Literal["no_worse_than"] | None = None
    no_worse_than: Literal["live"] | None = None
    margin: float = Field(default=0.0, ge=0)
    confidence: Confidence = 0.95
    parity: Literal["required"] | None = None
    signature: Literal["compatible"] | None = None
    size_max: Size | None = None
    latency_p99: Duration | None = None

    KINDS: ClassVar[tuple[str, ...]] = (
        "metric",
        "slices",
        "parity",
        "signature",
        "size_max",
        "latency_p99",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Gate:
        given = [kind for kind in self.KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            known = ", ".join(self.KINDS[:-1]) + " and " + self.KINDS[-1]
            what = " and ".join(given) if given else "none"
            raise Wrong(
                f"a gate has exactly one of {known}; this one has {what}",
                "write one gate for each",
                key=given[-1] if given else None,
            )
        limits = [n for n in ("min", "max", "no_worse_than") if getattr(self, n) is not None]
        if self.metric is not None and len(limits) != 1:
            what = " and ".join(limits) if limits else "none"
            raise Wrong(
                f"a metric gate has exactly one of min, max and no_worse_than; this one has {what}",
                "write one gate for each" if limits else "add one of them",
                key=limits[-1] if limits else "metric",
            )
        if self.metric is None and limits:
            raise Wrong(f"'{limits[0]}' belongs to a metric gate", "name the metric", key=limits[0])
        return self


class Drift(Spec):
    """How drift is looked for: ``alpha`` is the share of false alarms over all columns."""

    method: Literal["auto"] = "auto"
    alpha: float = Field(default=0.01, gt=0, lt=0.5)


class Labels(Spec):
    """Where true values come from when they arrive: a function ``(as_of) -> rows``."""

    source: Function
    join: str
    delay: Duration = "0s"


class Monitoring(Spec):
    """What a served model is held against."""

    reference: Artifact | None = None
    drift: Drift = Drift()
    labels: Labels | None = None


class Model(Spec):
    """A model: which artifact it is, how it is judged, exported, gated and watched."""

    apiVersion: ApiVersion
    kind: Literal["Model"]
    name: Name
    pipeline: Name
    artifact: Artifact
    task: Task
    features: Names
    evaluation: Evaluation
    export: Export = Export()
    gates: list[Gate] = Field(default=[])
    monitoring: Monitoring = Monitoring()
