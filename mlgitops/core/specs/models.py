"""``pipelines/<name>/model.yaml``: what a pipeline's artifact promises as a model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from mlgitops.core.specs.base import (
    ApiVersion,
    Artifact,
    Different,
    Duration,
    Function,
    Identifier,
    Name,
    Spec,
    Wrong,
)
from mlgitops.core.specs.gates import Gate
from mlgitops.core.tasks import Task

__all__ = [
    "CardSpec",
    "CustomMetric",
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


class CustomMetric(Spec):
    """A metric of one's own, by a plain function of true and predicted values."""

    run: Function = Field(
        description="The function, as `module:function`, in the pipeline's folder. It takes arrays "
        "`target` and `prediction`, and may take `rows` too, the evaluation rows as a DataFrame. "
        "It returns a number for each row, whose mean is the metric, or one number for all."
    )
    better: Literal["higher", "lower"] = Field(description="Which way it gets better.")


class Evaluation(Spec):
    """Which rows the model is judged on, and how."""

    data: Artifact = Field(
        description="The parquet output with one row an example, as `step.output`."
    )
    target: str | None = Field(
        default=None,
        description="Its column with the true value; of anomaly detection, whether it is one.",
    )
    targets: Names | None = Field(
        default=None,
        description="In place of `target`, of a model with several labels a row: their columns, "
        "with 0 or 1 each.",
    )
    id: str = Field(
        description="Its column with the unique row id, by which the answers of two models are "
        "paired and labels join."
    )
    metrics: Names = Field(
        description="What is measured, such as `roc_auc` and `brier`, or `mae` and `rmse`: at "
        "least one metric that fits the task, or one of `custom`. The first one leads."
    )
    custom: dict[Identifier, CustomMetric] = Field(
        default={}, description="Metrics of your own by name, for `metrics` and for gates."
    )
    slices: Annotated[list[str], Different] = Field(
        default=[], description="Columns; every value of one is judged by itself."
    )
    cluster: str | None = Field(
        default=None,
        description="Its column that says which rows belong together, such as the day of an hour "
        "or the customer of a visit. Intervals then count clusters, not rows.",
    )
    group: str | None = Field(
        default=None,
        description="Of ranking, its column that says which rows are ranked together, such as the "
        "query.",
    )
    baseline: str | None = Field(
        default=None,
        description="Of forecasting, its column with a naive forecast, such as the value of a week "
        "before, for `relative_mae` and `relative_rmse`.",
    )
    scale: str | None = Field(
        default=None,
        description="Of forecasting, its column with the mean absolute error of a naive forecast "
        "on the training values of the row's series, for `mase`.",
    )
    search: Annotated[list[str], Different] = Field(
        default=[],
        description="Columns in which the weakest slices are looked for, alone and in pairs; "
        "numbers are cut into ranges.",
    )

    WAYS: ClassVar[tuple[str, ...]] = ("target", "targets")

    @model_validator(mode="after")
    def _one_truth(self) -> Evaluation:
        given = [name for name in self.WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            raise Wrong(
                "an evaluation has exactly one of target and targets; this one has "
                f"{' and '.join(given) or 'none'}",
                "keep 'target', or 'targets' of a multilabel model"
                if given
                else "add 'target:', the column with the true value",
                key=given[-1] if given else "data",
            )
        return self

    @property
    def truth(self) -> tuple[str, ...]:
        """The columns with the true values."""
        return tuple(self.targets or ([] if self.target is None else [self.target]))

    @property
    def beside(self) -> dict[str, str]:
        """The columns that metrics read beside truth and answer, by key."""
        named = {"group": self.group, "baseline": self.baseline, "scale": self.scale}
        return {key: column for key, column in named.items() if column is not None}


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
        "Without it, the target's values in ascending order. Of anomaly detection: the target's "
        "value for a usual row, then that for an anomaly; without it they are 0 and 1.",
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
        description="What it does: it predicts numbers (`regression`, `forecasting`), classes "
        "(`binary-classification`, `multiclass-classification`) or several labels a row "
        "(`multilabel-classification`), orders rows (`ranking`), finds odd ones "
        "(`anomaly-detection`) or puts them into groups (`clustering`)."
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
