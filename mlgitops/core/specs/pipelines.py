"""``pipelines/<name>/pipeline.yaml``: steps from data to a model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)

from mlgitops.core.specs.base import (
    ApiVersion,
    Artifact,
    Different,
    Duration,
    Function,
    Identifier,
    Name,
    RelativePath,
    Short,
    Size,
    Spec,
    Wrong,
    matching,
)
from mlgitops.core.specs.conditions import ConditionText
from mlgitops.core.specs.crons import CronLine
from mlgitops.core.specs.notices import Command, Notify
from mlgitops.core.specs.step_sources import FileSource, PinnedSource, PythonSource, Source

__all__ = [
    "FileInput",
    "FileSource",
    "ForEach",
    "Format",
    "Input",
    "Notify",
    "Output",
    "OutputSpec",
    "Param",
    "PinnedSource",
    "Pipeline",
    "PythonSource",
    "Resources",
    "Source",
    "Step",
]

Format = Literal[
    "parquet",
    "csv",
    "json",
    "jsonl",
    "npy",
    "npz",
    "text",
    "bytes",
    "directory",
    "figure",
    "onnx",
    "estimator",
    "unsafe-pickle",
]
Param: TypeAlias = JsonValue


class FileInput(Spec):
    """An input that is a file or folder of the repository, relative to the pipeline's folder."""

    file: RelativePath = Field(
        description="A file or folder, relative to the pipeline's folder. A function gets it as a "
        "`pathlib.Path`."
    )


class OutputSpec(Spec):
    """One output of a step and the format that it is stored in."""

    format: Format = Field(
        description="How the output is stored: `parquet` and `csv` hold frames, `json` and `jsonl` "
        "plain values, `npy` and `npz` arrays, `text` a str, `bytes` bytes, `directory` a folder, "
        "`figure` a plot, `onnx` a graph, `estimator` a scikit-learn model. Nothing is pickled, "
        "except as `unsafe-pickle`: any Python object, which no release takes."
    )
    contract: RelativePath | None = Field(
        default=None,
        description="The data contract that the rows must keep: a file of kind Contract, relative "
        "to the pipeline's folder, as in `contracts/flights.yaml`.",
    )

    TABLES: ClassVar[tuple[str, ...]] = ("parquet", "csv", "jsonl")

    @model_validator(mode="after")
    def _contract_of_a_table(self) -> OutputSpec:
        if self.contract is not None and self.format not in self.TABLES:
            raise Wrong(
                f"a contract is about the rows of a table; this output is stored as {self.format}",
                f"store it as {', '.join(self.TABLES[:-1])} or {self.TABLES[-1]}, or delete it",
                key="contract",
            )
        return self


Output = Annotated[OutputSpec, BeforeValidator(Short("format"))]


def _kind_of_input(value: object) -> str | None:
    if isinstance(value, str):
        return "an output"
    return "a file" if isinstance(value, dict | FileInput) else None


Input = Annotated[
    Annotated[Artifact, Tag("an output")] | Annotated[FileInput, Tag("a file")],
    Discriminator(
        _kind_of_input,
        custom_error_type="kind_of_input",
        custom_error_message="an input is the output of a step or a file",
    ),
]
Elements = Annotated[
    str,
    matching(
        r"[a-z0-9-]+\.[A-Za-z_]\w*",
        "a param or an output",
        "write params.name, step.output, or a list",
    ),
]


def _kind_of_elements(value: object) -> str | None:
    if isinstance(value, str):
        return "a name"
    return "a list" if isinstance(value, list) else None


def _one_element(foreach: dict[str, object]) -> dict[str, object]:
    names = list(foreach)
    if len(names) > 1:
        raise Wrong(
            f"'foreach' has exactly one argument; this one has {' and '.join(names)}",
            "go through the others inside of the step",
            key=names[1],
        )
    return foreach


ForEach = Annotated[
    dict[
        Identifier,
        Annotated[
            Annotated[Elements, Tag("a name")]
            | Annotated[list[Param], Field(min_length=1), Tag("a list")],
            Discriminator(
                _kind_of_elements,
                custom_error_type="kind_of_elements",
                custom_error_message="the elements are a list, a param or an output",
            ),
        ],
    ],
    Field(min_length=1),
    AfterValidator(_one_element),
]


class Resources(Spec):
    """What a step needs of the machine; steps run at once as long as these fit into it."""

    cpu: float | None = Field(
        default=None, gt=0, le=1024, description="Cores, such as 2 or 0.5. Without it, one."
    )
    memory: Size | None = Field(
        default=None, description="Memory, such as 500MB or 4GiB. Without it, nothing is kept free."
    )
    gpu: int = Field(default=0, ge=0, le=64, description="Whole graphics processors.")


class Step(Spec):
    """One unit of work in a process of its own.

    Exactly one of run, command, notebook, sql and source.
    """

    name: Name = Field(description="The name of the step, unique in the pipeline.")
    description: str | None = Field(default=None, description="What it does, for readers.")
    run: Function | None = Field(
        default=None,
        description="A function, as `module:function`, called with the inputs and params by name. "
        "It returns the outputs: a dict with their names, a tuple in their order, or the value "
        "itself when there is only one.",
    )
    command: Command | None = Field(
        default=None,
        description="The words of a command in any language. `{inputs.NAME}`, `{outputs.NAME}` and "
        "`{params.NAME}` become paths and values.",
    )
    notebook: RelativePath | None = Field(
        default=None,
        description="A notebook (`.ipynb`), relative to the pipeline's folder. It is executed with "
        "the inputs and params; the executed notebook and its HTML are kept.",
    )
    sql: RelativePath | None = Field(
        default=None,
        description="The file of a query over the inputs, relative to the pipeline's folder; its "
        "rows are the one output.",
    )
    source: Source | None = Field(
        default=None,
        description="Brings rows in from outside; what came is pinned as a snapshot. With exactly "
        "one output.",
    )
    inputs: dict[Identifier, Input] = Field(
        default={},
        description="Argument to what it holds: `step.output`, or `{file: path}` for a file or "
        "folder of the repository.",
    )
    params: Annotated[list[Identifier], Different] = Field(
        default=[],
        description="Which of the pipeline's params the step gets, and depends on.",
    )
    outputs: dict[Identifier, Output] = Field(
        default={},
        description="Name to format: `parquet`, or `{format: parquet}`. Required, except of a "
        "notebook.",
    )
    when: ConditionText | None = Field(
        default=None,
        description='The step runs only if this holds, as in `params.mode == "full"` or '
        "`train.metrics.roc_auc >= 0.8`: comparisons of params and of values in JSON outputs, "
        "joined by and, or and not.",
    )
    foreach: ForEach | None = Field(
        default=None,
        description="Runs the step once for each element: an argument's name to a list, to "
        "`params.name` or to `step.output`. A step that reads its outputs gets a list of them, in "
        "order.",
    )
    retries: int = Field(
        default=0, ge=0, le=10, description="How often it is tried again when it fails, 0 to 10."
    )
    timeout: Duration = Field(
        default="1h",
        description="How long it may take, such as 90s, 20m or 2h; then it and all that it started "
        "are ended.",
    )
    resources: Resources = Field(
        default=Resources.model_construct(),
        description="What it needs of the machine: cpu, memory and gpu.",
    )
    env: Annotated[list[Identifier], Different] = Field(
        default=[],
        description="Names of environment variables that it gets. Their values do not count for "
        "its identity, so they are for secrets, not for parameters.",
    )
    hermetic: Literal["warn", "strict"] | None = Field(
        default=None,
        description="Reading what is not declared is a note (`warn`) or ends the step (`strict`). "
        "Without it, as the pipeline says.",
    )

    # What a notebook leaves besides its outputs: itself, executed, and the page of it.
    LEFT: ClassVar[dict[str, str]] = {"notebook": "text", "html": "text"}
    ROWS: ClassVar[tuple[str, ...]] = ("parquet", "csv", "json", "jsonl")
    KINDS: ClassVar[tuple[str, ...]] = ("run", "command", "notebook", "sql", "source")

    @property
    def stored(self) -> dict[str, str]:
        """Every output that the step leaves, name to format: the declared ones, then the others."""
        declared: dict[str, str] = {name: one.format for name, one in self.outputs.items()}
        return declared if self.notebook is None else {**declared, **self.LEFT}

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        given = [kind for kind in self.KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            known = ", ".join(self.KINDS[:-1]) + " and " + self.KINDS[-1]
            what = " and ".join(given) if given else "none"
            raise Wrong(
                f"a step has exactly one of {known}; this one has {what}",
                "write one step for each" if given else "add run: 'module:function'",
                key=given[-1] if given else "name",
            )
        self._of_its_kind(given[0])
        return self

    def _of_its_kind(self, kind: str) -> None:
        if not self.outputs and kind != "notebook":
            if "outputs" in self.model_fields_set:
                raise Wrong("'outputs' is empty", "give at least one", key="outputs")
            raise Wrong("'outputs' is missing", "add 'outputs: …'", key="name", rule="missing-key")
        if kind in ("source", "sql") and len(self.outputs) != 1:
            does = "a source brings in" if kind == "source" else "a query gives"
            raise Wrong(
                f"{does} exactly one output; this one has {len(self.outputs)}",
                "write one step for each",
                key="outputs",
            )
        for name, output in self.outputs.items():
            if self.notebook is not None and name in self.LEFT:
                raise Wrong(
                    f"every notebook has an output {name!r} already: the executed one",
                    "give this one another name",
                    key="outputs",
                )
            if self.sql is not None and output.format not in self.ROWS:
                raise Wrong(
                    f"a query gives rows, and they are not stored as {output.format}",
                    f"store them as {', '.join(self.ROWS[:-1])} or {self.ROWS[-1]}",
                    key="outputs",
                )
        for given, suffix in ((self.notebook, ".ipynb"), (self.sql, ".sql")):
            if given is not None and not given.endswith(suffix):
                raise Wrong(
                    f"{given!r} is not a {suffix} file",
                    f"name a file that ends in {suffix}",
                    key=kind,
                )
        for name in self.foreach or ():
            if name in self.inputs or name in self.params:
                where = "inputs" if name in self.inputs else "params"
                raise Wrong(
                    f"the element {name!r} has the name of one of its {where}",
                    "give it another name",
                    key="foreach",
                )


class Pipeline(Spec):
    """A graph of steps; the order follows from the inputs, not from the list."""

    apiVersion: ApiVersion
    kind: Literal["Pipeline"] = Field(description="The kind of this document: `Pipeline`.")
    name: Name = Field(description="The name of the pipeline, which is that of its folder.")
    description: str | None = Field(default=None, description="What it is for, for readers.")
    owners: list[str] = Field(
        default=[], description="People or teams to ask, such as `@acme/ml`, for readers."
    )
    params: dict[Identifier, Param] = Field(
        default={},
        description="Parameters: name to any value. A step gets those that it lists.",
    )
    schedule: CronLine | None = Field(
        default=None,
        description="When to look for new data: a cron line of five fields in UTC, such as "
        "`0 5 * * 1` for 05:00 on Mondays. Without it, only when somebody asks.",
    )
    hermetic: Literal["warn", "strict"] = Field(
        default="warn",
        description="Reading what a step does not declare is a note (`warn`) or ends the step "
        "(`strict`). A step can say otherwise.",
    )
    steps: list[Step] = Field(
        min_length=1, description="The steps; their order follows from their inputs."
    )
    notify: Notify | None = Field(default=None, description="Who is told how a run ended.")

    @cached_property
    def by_name(self) -> Mapping[str, tuple[Step, ...]]:
        """Name to the steps of that name: one, where nothing is wrong."""
        found: dict[str, tuple[Step, ...]] = {}
        for step in self.steps:
            found[step.name] = (*found.get(step.name, ()), step)
        return found

    def step(self, name: str) -> Step:
        """Return the step called ``name``; KeyError when there is none."""
        return self.by_name[name][0]
