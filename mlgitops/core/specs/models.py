"""``pipelines/<name>/model.yaml``: what a pipeline's artifact promises as a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlgitops.core.signatures import Task
from mlgitops.core.specs.base import (
    ApiVersion,
    Artifact,
    Different,
    Duration,
    Function,
    Name,
    Spec,
)
from mlgitops.core.specs.gates import Gate

__all__ = [
    "CardSpec",
    "Drift",
    "Evaluation",
    "Export",
    "Gate",
    "Labels",
    "Model",
    "Monitoring",
    "ParitySpec",
]

Names = Annotated[list[str], Field(min_length=1), Different]


class Evaluation(Spec):
    """Which rows the model is judged on, and how."""

    data: Artifact = Field(
        description="The parquet output with one row an example, as `step.output`."
    )
    target: str = Field(description="Its column with the true value.")
    id: str = Field(
        description="Its column with the unique row id, by which the answers of two models are "
        "paired and labels join."
    )
    metrics: Names = Field(
        description="What is measured, such as `roc_auc` and `brier`, or `mae` and `rmse`: at "
        "least one metric that fits the task."
    )
    slices: Annotated[list[str], Different] = Field(
        default=[], description="Columns; every value of one is judged by itself."
    )
    cluster: str | None = Field(
        default=None,
        description="Its column that says which rows belong together, such as the day of an hour "
        "or the customer of a visit. Intervals then count clusters, not rows.",
    )


class ParitySpec(Spec):
    """How far the ONNX may be from the estimator, on evaluation rows and on adversarial ones."""

    atol: float = Field(
        default=1e-4, ge=0, description="Absolute difference of a score or prediction."
    )
    rtol: float = Field(
        default=0.0, ge=0, description="Relative difference, added to the absolute one."
    )
    label_mismatch: float = Field(
        default=0.0, ge=0, le=1, description="Share of rows that may get another label, 0 to 1."
    )
    adversarial: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of adversarial rows that may be answered otherwise, 0 to 1.",
    )


class Export(Spec):
    """How the model leaves the training framework."""

    format: Literal["onnx"] = Field(default="onnx", description="What it is exported to: `onnx`.")
    parity: ParitySpec = Field(
        default=ParitySpec.model_construct(),
        description="How far the export may be from the estimator; beyond it nothing is released.",
    )
    optimize: Annotated[list[Literal["graph", "quantize"]], Different] = Field(
        default=[],
        description="What is tried in this order, and kept where the proof still holds: `graph` "
        "(fold constants), `quantize` (8-bit weights).",
    )
    classes: Annotated[list[str], Different] = Field(
        default=[],
        description="Of a handed over `.onnx`: the classes in the order of its probabilities. "
        "Without it, the target's values in ascending order.",
    )


class Drift(Spec):
    """How drift is looked for."""

    method: Literal["auto"] = Field(
        default="auto", description="`auto`: the test that fits each column."
    )
    alpha: float = Field(
        default=0.01,
        gt=0,
        lt=0.5,
        description="The chance of a false alarm, over all columns together, 0 to 0.5.",
    )


class Labels(Spec):
    """Where true values come from when they arrive."""

    source: Function = Field(
        description="A function, as `module:function`, that is called with `as_of` alone and "
        "returns the true values known by then."
    )
    join: str = Field(
        description="Its column that holds the row id. The value is in the column called like "
        "`evaluation.target`."
    )
    delay: Duration = Field(
        default="0s",
        description="How long true values take, such as 7d: younger rows are left out.",
    )


class Monitoring(Spec):
    """What a served model is held against."""

    reference: Artifact | None = Field(
        default=None,
        description="The parquet output that inputs are held against, as `step.output`. Without "
        "it, the evaluation data.",
    )
    drift: Drift = Field(default=Drift.model_construct(), description="How drift is looked for.")
    labels: Labels | None = Field(
        default=None, description="Where true values come from when they arrive."
    )


class CardSpec(Spec):
    """What only its authors can say of a model; the model card carries it in their words."""

    intended_use: str | None = Field(
        default=None, description="What it is for, and who should use it."
    )
    out_of_scope: str | None = Field(default=None, description="What it must not be used for.")
    limitations: list[str] = Field(default=[], description="What it cannot do, one a line.")
    ethical: list[str] = Field(
        default=[], description="Risks to people, and what is done about them, one a line."
    )
    license: str | None = Field(
        default=None, description="The licence of the model, such as `apache-2.0`."
    )
    contacts: list[str] = Field(default=[], description="Whom to ask, such as an address.")


class Model(Spec):
    """A model: which artifact it is, how it is judged, exported, gated and watched."""

    apiVersion: ApiVersion
    kind: Literal["Model"] = Field(description="The kind of this document: `Model`.")
    name: Name = Field(
        description="The name of the model; its releases are the tags `<name>@v<version>`."
    )
    description: str | None = Field(default=None, description="What it is for, for readers.")
    owners: list[str] = Field(
        default=[], description="People or teams to ask, such as `@acme/ml`, for readers."
    )
    pipeline: Name = Field(description="The pipeline that makes it.")
    artifact: Artifact = Field(
        description="The output that is the model, as `step.output`; in the format `estimator`, "
        "or `onnx` from any other framework."
    )
    task: Task = Field(
        description="What it predicts: `regression`, `binary-classification` or "
        "`multiclass-classification`."
    )
    features: Names = Field(description="The columns that the model takes.")
    evaluation: Evaluation = Field(description="Which rows it is judged on, and how.")
    export: Export = Field(
        default=Export.model_construct(), description="How it leaves the training framework."
    )
    gates: list[Gate] = Field(
        default=[],
        description="What is asked of its releases in every environment, on top of the "
        "environment's own gates.",
    )
    monitoring: Monitoring = Field(
        default=Monitoring.model_construct(), description="What it is held against when served."
    )
    card: CardSpec = Field(
        default=CardSpec.model_construct(), description="What its authors say on its model card."
    )
